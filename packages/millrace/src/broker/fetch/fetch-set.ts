// broker/fetch/fetch-set.ts - what one reader follows: partitions with positions, and which of them may have something to tell.
// Owns: the entries, the line of those to look at. Never: reading (fetch-run.ts), identities of sessions (fetch-session.ts).
// E1 An entry that is not in the line has nothing to tell: its position is at the end of what its reader may see, and the reader knows both ends.
// E2 An append costs one call per reader of its partition, whatever number of partitions a reader follows.
import type { PartitionWatcher, TopicPartition } from '../topics/topic.ts';

/** A position in a partition, as the reader last stated it. */
export class FetchEntry implements PartitionWatcher {
  /** Name or id of the topic, whichever the request gave. */
  readonly topicKey: string;
  readonly index: number;
  readonly #set: FetchSet;
  /** The partition, once found; a deleted one is looked up again. */
  partition: TopicPartition | undefined;
  fetchOffset = 0;
  bytesMax = 0;
  leaderEpoch = -1;
  /** Ends as last told to the reader. */
  toldHighWatermark = -1;
  toldLastStableOffset = -1;
  toldLogStartOffset = -1;

  constructor(set: FetchSet, topicKey: string, index: number) {
    this.#set = set;
    this.topicKey = topicKey;
    this.index = index;
  }

  advanced(): void {
    this.#set.advanced(this);
  }

  /** Follows `partition` from now on. */
  follow(partition: TopicPartition | undefined): void {
    if (partition === this.partition) return;
    this.partition?.unwatch(this);
    this.partition = partition;
    partition?.watch(this);
  }
}

/** Entries by topic and index, and the line of those that may have something to tell. */
export class FetchSet {
  readonly #topics = new Map<string, Map<number, FetchEntry>>();
  #size = 0;
  /** In the order in which they are looked at: who was served goes to the end. */
  readonly line = new Set<FetchEntry>();
  /** Told when an entry joins the line or moves on in it. */
  onAdvance: ((entry: FetchEntry) => void) | null = null;

  /** Number of partitions followed. */
  get size(): number { return this.#size; }

  /** The entry, made when it is new, at the end of the line. */
  put(topicKey: string, index: number): FetchEntry {
    let entries = this.#topics.get(topicKey);
    if (entries === undefined) this.#topics.set(topicKey, entries = new Map());
    let entry = entries.get(index);
    if (entry === undefined) {
      entries.set(index, entry = new FetchEntry(this, topicKey, index));
      this.#size++;
    }
    this.line.add(entry);
    return entry;
  }

  remove(topicKey: string, index: number): void {
    const entries = this.#topics.get(topicKey);
    const entry = entries?.get(index);
    if (entry === undefined) return;
    entry.follow(undefined);
    this.line.delete(entry);
    entries!.delete(index);
    if (entries!.size === 0) this.#topics.delete(topicKey);
    this.#size--;
  }

  /** Follows nothing any more. */
  end(): void {
    for (const entries of this.#topics.values()) for (const entry of entries.values()) entry.follow(undefined);
    this.#topics.clear();
    this.line.clear();
    this.onAdvance = null;
    this.#size = 0;
  }

  advanced(entry: FetchEntry): void {
    this.line.add(entry);
    this.onAdvance?.(entry);
  }
}
