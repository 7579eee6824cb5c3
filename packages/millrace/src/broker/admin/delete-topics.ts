// broker/admin/delete-topics.ts - DeleteTopics and DeleteRecords: by name, by id, up to an offset.
import { DeleteRecords, DeleteTopics, errorCodes, zeroUuid, type ResponseInit } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import type { MutationQuota } from '../quotas/quotas.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { refusalOf } from './create-topics.ts';

type DeletedAnswer = NonNullable<ResponseInit<typeof DeleteTopics>['responses']>[number];

/** The handler of DeleteTopics. */
export function deleteTopicsHandler(services: Services): Handler<typeof DeleteTopics> {
  return (request, context) => {
    const wanted = context.version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: zeroUuid }));
    const quota = services.quotas.mutation({ principal: context.connection.principal, clientId: context.clientId }, context.version >= strictVersion);
    Promise.all(wanted.map(({ name, topicId }) => remove(services, name, topicId, quota))).then((responses) => context.reply({ responses, throttleTimeMs: quota.pauseMs }));
  };
}

/** From this version on a change over the quota is refused; before, the client only pauses. */
const strictVersion = 5;

async function remove(services: Services, name: string | null, topicId: string, quota: MutationQuota): Promise<DeletedAnswer> {
  const refuse = (errorCode: number, errorMessage: string): DeletedAnswer => ({ name, topicId, errorCode, errorMessage });
  if (!services.config.boolean('delete.topic.enable')) return refuse(errorCodes.TOPIC_DELETION_DISABLED, 'Topic deletion is disabled.');
  if (name !== null && topicId !== zeroUuid) return refuse(errorCodes.INVALID_REQUEST, 'a topic is named by its name or by its id, not by both');
  const topic = name === null ? services.topics.byId(topicId) : services.topics.byName(name);
  if (topic === undefined) {
    return name === null
      ? refuse(errorCodes.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.')
      : refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, 'This server does not host this topic-partition.');
  }
  if (topic.internal) return refuse(errorCodes.INVALID_REQUEST, `topic ${topic.name} is the node's own`);
  try {
    quota.take(topic.partitions.length);
    await services.topics.remove(topic.name);
    services.report(`topic ${topic.name} deleted`, 'info', { event: 'topic-deleted', topic: topic.name });
    return { name: topic.name, topicId: topic.id, errorCode: errorCodes.NONE, errorMessage: null };
  } catch (error) {
    return { name: topic.name, topicId: topic.id, ...refusalOf(error, topic.name) };
  }
}

/** Stands for the high watermark in DeleteRecords. */
const upToEnd = -1;

/** The handler of DeleteRecords. */
export function deleteRecordsHandler(services: Services): Handler<typeof DeleteRecords> {
  return (request, context) => {
    Promise.all(request.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(async ({ partitionIndex, offset }) => {
        const partition = services.topics.partition(name, partitionIndex);
        const refuse = (errorCode: number) => ({ partitionIndex, lowWatermark: -1, errorCode });
        if (partition === undefined) return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
        if (partition.topic.internal) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION);
        const { log } = partition;
        const target = offset === upToEnd ? log.highWatermark : offset;
        if (target < 0 || target > log.highWatermark) return refuse(errorCodes.OFFSET_OUT_OF_RANGE);
        try {
          if (target > log.logStartOffset) await services.producers.keep(partition);
          const lowWatermark = target <= log.logStartOffset ? log.logStartOffset : await log.deleteBefore(target);
          return { partitionIndex, lowWatermark, errorCode: errorCodes.NONE };
        } catch (error) {
          return refuse(storageErrorCode(error));
        }
      })),
    }))).then((topics) => context.reply({ topics }));
  };
}
