// broker/fetch/offset-for-leader-epoch.ts - OffsetForLeaderEpoch: where an epoch ended. One node has one epoch, and it has not ended.
import { errorCodes, OffsetForLeaderEpoch } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import { leaderEpoch, type Services } from '../services.ts';

/** The handler of OffsetForLeaderEpoch. */
export function offsetForLeaderEpochHandler(services: Services): Handler<typeof OffsetForLeaderEpoch> {
  return (request, context) => context.reply({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked) => {
        const { partition } = asked;
        const found = services.topics.partition(topic, partition);
        if (found === undefined) return { partition, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
        if (asked.currentLeaderEpoch > leaderEpoch) return { partition, errorCode: errorCodes.UNKNOWN_LEADER_EPOCH };
        const known = asked.leaderEpoch === leaderEpoch;
        return { partition, errorCode: errorCodes.NONE, leaderEpoch: known ? leaderEpoch : -1, endOffset: known ? found.log.highWatermark : -1 };
      }),
    })),
  });
}
