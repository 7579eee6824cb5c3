// broker/produce/wait-for-acknowledgement.ts - when is an append that somebody else made acknowledged?
// Owns: the wait. Used by repeated batches, whose first copy may still be on its way to the disk.
import { MillraceError } from '../../base/mod.ts';
import type { Log } from '../../log/mod.ts';
import type { PartitionWatcher, TopicPartition } from '../topics/topic.ts';

/** Calls back, never at once, when `offset` lies below the high watermark, or with an error when it will not any more. */
export function waitForAcknowledgement(partition: TopicPartition, offset: number, log: Log, done: (error: Error | null) => void): void {
  if (offset < partition.log.highWatermark) return queueMicrotask(() => done(null));
  const stop = log.onState((state) => { if (state.kind === 'failed' || state.kind === 'closed') finish(new MillraceError('storage-failed', `Cannot acknowledge offset ${offset} of '${partition.name}': the log has stopped`)); });
  const watcher: PartitionWatcher = {
    advanced() {
      if (!partition.live) finish(new MillraceError('topic-not-found', `Cannot acknowledge offset ${offset} of '${partition.name}': the topic was deleted`));
      else if (offset < partition.log.highWatermark) finish(null);
    },
  };
  const finish = (error: Error | null) => {
    stop();
    partition.unwatch(watcher);
    done(error);
  };
  partition.watch(watcher);
}
