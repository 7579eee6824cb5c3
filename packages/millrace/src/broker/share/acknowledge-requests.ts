// broker/share/acknowledge-requests.ts - acknowledgements as requests carry them (ShareAcknowledge, and ShareFetch along with fetching).
// Owns: the checks of their form, the answer of ShareAcknowledge. Never: what they do (acknowledge.ts).
import { errorCodes, type RequestOf, type ResponseInit, type ShareAcknowledge } from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import { acknowledgeType, type Acknowledgement } from './effects.ts';
import type { ShareGroup } from './share-group.ts';
import type { ShareGroups } from './share-groups.ts';
import { sessionEpoch } from './share-session.ts';

type Topics = RequestOf<typeof ShareAcknowledge>['topics'];

/** What was said of the acknowledgements of one partition. */
export interface Acknowledged { readonly topicId: string; readonly index: number; errorCode: number; errorMessage: string | null }

/** Hands the acknowledgements of a member on, partition by partition; `done` is called when each is durable or refused. */
export function takeAcknowledgements(groups: ShareGroups, group: ShareGroup | undefined, memberId: string, topics: Topics, typeMax: number, done: (results: readonly Acknowledged[]) => void): void {
  const results: Acknowledged[] = [];
  let waiting = 1;
  const settled = (): void => { if (--waiting === 0) done(results); };
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex: index, acknowledgementBatches } of partitions) {
      if (acknowledgementBatches.length === 0) continue;
      const result: Acknowledged = { topicId, index, errorCode: errorCodes.NONE, errorMessage: null };
      results.push(result);
      const held = group?.partition(topicId, index);
      const batches = acknowledgementBatches.map(({ firstOffset, lastOffset, acknowledgeTypes }): Acknowledgement => ({ first: firstOffset, last: lastOffset, types: acknowledgeTypes }));
      const fault = groups.services.topics.byId(topicId) === undefined ? errorCodes.UNKNOWN_TOPIC_ID
        : held === undefined ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : batchesFault(batches, typeMax);
      if (fault !== errorCodes.NONE) { result.errorCode = fault; continue; }
      waiting++;
      held!.acknowledge(memberId, batches, (errorCode, message) => { result.errorCode = errorCode; result.errorMessage = message; settled(); });
    }
  }
  settled();
}

/** Batches rise without overlaps, and say one thing of all their records or one of each. Something that is said twice of one record is in Kafka no fault of form, but of state. */
function batchesFault(batches: readonly Acknowledgement[], typeMax: number): number {
  let before = -1;
  let twice = false;
  for (const { first, last, types } of batches) {
    const fits = first >= Math.max(before, 0) && last >= first && (types.length === 1 || types.length === last - first + 1) && types.every((type) => type >= acknowledgeType.gap && type <= typeMax);
    if (!fits) return errorCodes.INVALID_REQUEST;
    if (first === before) twice = true;
    before = last;
  }
  return twice ? errorCodes.INVALID_RECORD_STATE : errorCodes.NONE;
}

/** Renewal is known from version 2 on, to requests that say so. */
export const typeMaxOf = (version: number, isRenewAck: boolean): number => (version >= 2 && isRenewAck ? acknowledgeType.renew : acknowledgeType.reject);

/** Answers ShareAcknowledge, once what it says is durable. */
export function shareAcknowledge(groups: ShareGroups, request: RequestOf<typeof ShareAcknowledge>, context: RequestContext<typeof ShareAcknowledge>): void {
  const { groupId, memberId, shareSessionEpoch: epoch } = request;
  if (groupId === null || groupId === '' || memberId === null || memberId === '') return context.reply({ errorCode: errorCodes.INVALID_REQUEST });
  if (epoch === sessionEpoch.initial) return context.reply({ errorCode: errorCodes.INVALID_SHARE_SESSION_EPOCH });
  const choice = groups.sessions.next(groupId, memberId, epoch);
  if (choice.kind === 'refused') return context.reply({ errorCode: choice.errorCode });
  const group = groups.find(groupId);
  takeAcknowledgements(groups, group, memberId, request.topics, typeMaxOf(context.version, request.isRenewAck), (results) => {
    context.reply({ acquisitionLockTimeoutMs: group?.settings.lockDurationMs ?? 0, responses: byTopic(results, ({ index, errorCode, errorMessage }) => ({ partitionIndex: index, errorCode, errorMessage })) });
  });
  if (epoch === sessionEpoch.final) groups.endSession(choice.session);
}

type AcknowledgedPartition = NonNullable<NonNullable<ResponseInit<typeof ShareAcknowledge>['responses']>[number]['partitions']>[number];

function byTopic(results: readonly Acknowledged[], answerOf: (result: Acknowledged) => AcknowledgedPartition): { topicId: string; partitions: AcknowledgedPartition[] }[] {
  const topics = new Map<string, AcknowledgedPartition[]>();
  for (const result of results) {
    const partitions = topics.get(result.topicId);
    if (partitions === undefined) topics.set(result.topicId, [answerOf(result)]);
    else partitions.push(answerOf(result));
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }));
}
