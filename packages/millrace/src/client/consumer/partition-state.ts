// client/consumer/partition-state.ts - one partition that a consumer holds: where it is, what is fetched, what is in work.
// Owns: position, buffer and tracker of that partition. Never: sockets, other partitions.
// P1 what is handed out lies at `position` and after it without a gap that holds records. P2 once `isHeld` is false nothing more is handed out.
import { zeroTopicId } from '../net/metadata.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import { OffsetTracker } from './offset-tracker.ts';
import { RecordBatch } from './record-batch.ts';

/** State of one held partition. */
export class PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  /** Of the topic that the partition was taken up with (P3); zeroTopicId when the server has none. */
  topicId = zeroTopicId;
  /** Next offset to hand out; -1 until it is known. */
  position = -1;
  /** Next offset to fetch. */
  fetchOffset = -1;
  /** Rises with every seek: an answer to an older fetch is dropped. */
  seekCount = 0;
  isPaused = false;
  isHeld = true;
  /** End, last stable offset and start of the partition as last heard; -1 before. */
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  /** Not fetched before this moment of the monotonic clock: the wait after a failure. */
  retryAtMs = 0;
  failures = 0;
  /** Who wrote what was fetched. */
  readonly epochs = new LeaderEpochs();
  /** The leader epoch that is known to have the records before the position; -1 for none. */
  leaderEpoch = -1;
  /** A leader is being asked whether it has them: nothing is fetched meanwhile. */
  isChecking = false;
  readonly tracker = new OffsetTracker(0);
  /** What was committed last, by this consumer or before it; -1 for nothing. */
  committed = -1;
  /** What commit() was told last, since the last seek; -1 for nothing. */
  committedByHand = -1;
  readonly #buffer: RecordBatch[] = [];
  #bufferedBytes = 0;
  #inWork = 0;
  readonly #idleWaiters: (() => void)[] = [];

  constructor(topic: string, partition: number, key: string) {
    this.topic = topic;
    this.partition = partition;
    this.key = key;
  }

  get bufferedBytes(): number { return this.#bufferedBytes; }
  get hasBuffered(): boolean { return this.#buffer.length > 0; }
  get isReady(): boolean { return this.isHeld && !this.isPaused && this.#buffer.length > 0; }
  get isPositioned(): boolean { return this.position >= 0; }
  /** Epoch of the record before the next one to fetch; -1 when unknown. */
  get fetchEpoch(): number { return this.epochs.before(this.fetchOffset); }
  /** Handed out and not done: batches, or single records. */
  get inWorkCount(): number { return this.#inWork; }

  /** Goes to an offset; what was fetched before is dropped. `epoch` is that of the record before it, if it is known. Returns the bytes that freed. */
  seek(offset: number, epoch = -1): number {
    const freed = this.drop();
    this.seekCount++;
    this.committedByHand = -1;
    this.position = this.fetchOffset = offset;
    this.tracker.reset(offset);
    this.epochs.reset(epoch);
    this.leaderEpoch = -1;
    this.isChecking = false;
    this.retryAtMs = 0;
    return freed;
  }

  /** P3: another topic has the name now. Nothing is known of the place in it until the next seek. */
  beginAnew(topicId: string): void {
    this.seek(-1);
    this.topicId = topicId;
    this.committed = -1;
    this.highWatermark = this.lastStableOffset = this.logStartOffset = -1;
  }

  /** Records came. */
  push(batch: RecordBatch): void {
    this.#buffer.push(batch);
    this.#bufferedBytes += batch.bytes.length;
    this.fetchOffset = batch.nextOffset;
    this.epochs.forgetBefore(this.tracker.committable);
  }

  /** The next records to hand out. */
  shift(): RecordBatch {
    const batch = this.#buffer.shift()!;
    this.#bufferedBytes -= batch.bytes.length;
    return batch;
  }

  /** Puts back what of a batch was not handed out. */
  unshift(batch: RecordBatch): void {
    this.#buffer.unshift(batch);
    this.#bufferedBytes += batch.bytes.length;
  }

  /** Drops what is buffered; returns its bytes. */
  drop(): number {
    const freed = this.#bufferedBytes;
    this.#buffer.length = 0;
    this.#bufferedBytes = 0;
    return freed;
  }

  beginWork(): void { this.#inWork++; }

  endWork(): void {
    this.#inWork--;
    if (this.#inWork === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** Resolves once nothing of the partition is in work. */
  whenIdle(): Promise<void> {
    return this.#inWork === 0 ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }
}
