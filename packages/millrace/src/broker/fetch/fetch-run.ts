// broker/fetch/fetch-run.ts - one Fetch under way: looks at the partitions in line, reads what is there, waits when it is too little.
// Owns: the limits of one answer, the wait. Never: which partitions are followed (fetch-set.ts).
// X1 Bytes leave as they lie in the log: nothing is copied or re-encoded. X2 A run waits on its own partitions only, and is woken once,
// after the turn in which they advanced. X3 What was read is released when the answer has left or was given up.
// X4 Memory for the answer is reserved before anything is read; when there is none left, a client that has taken its earlier answers still
// gets a small one, so that those who take nothing cannot stop those who do.
import { isMillraceError, limits, MiB } from '../../base/mod.ts';
import type { ReadResult } from '../../log/mod.ts';
import type { Timer } from '../../os/mod.ts';
import { aclOperations, aclResources, errorCodes, Fetch, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { BudgetWaiter } from '../connection/memory-budget.ts';
import type { RequestContext } from '../handlers.ts';
import { freeFetch } from '../quotas/quotas.ts';
import { leaderEpoch, type Services } from '../services.ts';
import type { TopicPartition } from '../topics/topic.ts';
import { committedView } from '../transaction/committed-view.ts';
import { noSession } from './fetch-session.ts';
import type { FetchEntry, FetchSet } from './fetch-set.ts';

type FetchRequest = RequestOf<typeof Fetch>;
type TopicAnswer = NonNullable<ResponseInit<typeof Fetch>['responses']>[number];
type PartitionAnswer = NonNullable<TopicAnswer['partitions']>[number];

/** What a run was asked. */
export interface FetchOrder {
  readonly request: FetchRequest;
  readonly context: RequestContext<typeof Fetch>;
  readonly set: FetchSet;
  /** Tell of every partition in line, changed or not. */
  readonly full: boolean;
  readonly sessionId: number;
  /** Called once when the run is over. */
  readonly onOver: () => void;
  /** Called when the answer to a full request is put off for a quota: what the request names was told to nobody. */
  readonly onPutOff: () => void;
}

const noBytes: readonly Uint8Array[] = [];
const nothingAborted: never[] = [];
/** Share of the free response memory that one answer may take, and what it may take in any case while there is some. */
const memoryShare = 1 / 8;
const answerBytesMin = 1 * MiB;

/** A fetch under way. */
export class FetchRun implements BudgetWaiter {
  readonly #services: Services;
  readonly #order: FetchOrder;
  readonly #byId: boolean;
  /** The reader wants to see nothing of transactions that are open or were aborted. */
  readonly #committedOnly: boolean;
  /** The longest wait is over. */
  #expired: boolean;
  #state: 'reading' | 'waiting' | 'over' = 'reading';
  #timer: Timer | null = null;
  #forgetClose: (() => void) | null = null;
  /** Wake-ups seen while reading: another look is due before waiting. */
  #stirred = false;
  #waitingSinceMs = 0;
  #wakeQueued = false;
  // One look at the line:
  #looked: PartitionLook[] = [];
  #bytes = 0;
  #reservedBytes = 0;
  #failed = false;
  #starved = false;
  /** The memory is used up: this is the little that every client may have that takes its answers. */
  #scant = false;

  constructor(services: Services, order: FetchOrder) {
    this.#services = services;
    this.#order = order;
    this.#byId = order.context.version >= 13;
    this.#committedOnly = order.request.isolationLevel === 1;
    this.#expired = order.request.maxWaitMs <= 0;
  }

  /** Looks at once; answers within the call when there is enough and nothing must be read from the disk. */
  start(): void {
    this.#order.set.onAdvance = () => this.#stir();
    this.#look();
  }

  /** Memory was given back. */
  retry(): void { this.#stir(); }

  /** Waits no longer: answers with what there is. */
  finish(): void {
    this.#expire();
  }

  #stir(): void {
    this.#stirred = true;
    if (this.#state !== 'waiting' || this.#wakeQueued) return;
    this.#wakeQueued = true;
    queueMicrotask(() => {
      this.#wakeQueued = false;
      if (this.#state === 'waiting') this.#look();
    });
  }

  /** Reads what the entries in line have, within the limits, then answers or waits. */
  #look(): void {
    if (this.#state === 'waiting') this.#order.context.parkedMs += this.#services.clock.monotonicMs() - this.#waitingSinceMs;
    this.#state = 'reading';
    this.#stirred = false;
    this.#forgetLook();
    const free = this.#services.responseMemory.freeBytes;
    this.#scant = free === 0;
    this.#starved = this.#scant && this.#order.context.connection.unsentBytes > 0;
    const asked = Math.min(this.#order.request.maxBytes, this.#services.config.number('fetch.max.bytes'), this.#quotaBytesMax());
    this.#reservedBytes = this.#starved ? 0 : Math.min(asked, this.#scant ? limits.broker.fetchBytesAlways : Math.max(answerBytesMin, Math.floor(free * memoryShare)));
    this.#services.responseMemory.take(this.#reservedBytes);
    this.#lookFrom([...this.#order.set.line], 0);
  }

  /** A loop that leaves and comes back where a read is not answered at once. */
  #lookFrom(entries: readonly FetchEntry[], from: number): void {
    for (let i = from; i < entries.length; i++) {
      const entry = entries[i]!;
      const errorCode = this.#place(entry);
      if (errorCode !== 0) { this.#note(entry, errorCode, null); continue; }
      const pending = this.#readFrom(entry, entry.partition!, entry.fetchOffset);
      if (pending !== null) return void pending.then(() => this.#lookFrom(entries, i + 1));
    }
    this.#decide();
  }

  /** Reads what an entry has from `offset` on and notes it; a promise when that takes a while. */
  #readFrom(entry: FetchEntry, partition: TopicPartition, offset: number): Promise<void> | null {
    const room = this.#reservedBytes - this.#bytes;
    if (offset >= this.#readableEnd(partition) || (room <= 0 && this.#bytes > 0) || this.#starved) { this.#note(entry, 0, null); return null; }
    try {
      const result = partition.log.read(offset, Math.max(0, Math.min(entry.bytesMax, room)), this.#bytes === 0 && !this.#scant);
      if (!(result instanceof Promise)) return this.#take(entry, partition, offset, result);
      return result.then((read) => this.#take(entry, partition, offset, read), (error: unknown) => { this.#noteFailure(entry, error); return null; }).then((more) => more ?? undefined);
    } catch (error) {
      this.#noteFailure(entry, error);
      return null;
    }
  }

  /** Notes what was read. Where all of it was aborted, reads on, in another turn of the loop: the reader must get ahead, however much that is. */
  #take(entry: FetchEntry, partition: TopicPartition, offset: number, read: ReadResult): Promise<void> | null {
    if (!this.#committedOnly || !partition.transactions.any) { this.#note(entry, 0, read); return null; }
    const view = committedView(read, offset, partition.transactions, partition.lastStableOffset);
    if (view.bytes > 0 || view.nextOffset <= offset) { this.#note(entry, 0, view); return null; }
    view.release();
    return new Promise<void>((resolve) => this.#services.clock.soon(resolve)).then(() => this.#readFrom(entry, partition, view.nextOffset) ?? undefined);
  }

  /** Finds the entry's partition and checks the position; an error code, or 0. */
  #place(entry: FetchEntry): number {
    if (entry.partition === undefined || !entry.partition.live) {
      const { topics } = this.#services;
      const topic = this.#byId ? topics.byId(entry.topicKey) : topics.byName(entry.topicKey);
      entry.follow(topic?.partitions[entry.index]);
      if (topic === undefined && this.#byId) return errorCodes.UNKNOWN_TOPIC_ID;
      if (!this.#mayRead(topic?.name ?? entry.topicKey)) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
      if (entry.partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    } else if (!this.#mayRead(entry.partition.topic.name)) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
    if (entry.leaderEpoch > leaderEpoch) return errorCodes.UNKNOWN_LEADER_EPOCH;
    const { log } = entry.partition!;
    return entry.fetchOffset < log.logStartOffset || entry.fetchOffset > log.endOffset ? errorCodes.OFFSET_OUT_OF_RANGE : 0;
  }

  /** Looked at for each partition of each look: a session names its topics once, rules change. */
  #mayRead(topic: string): boolean {
    const { authorizer } = this.#services;
    if (authorizer === null) return true;
    const permissions = authorizer.permissionsOf(this.#order.context.connection);
    if (permissions.allows(aclOperations.read, aclResources.topic, topic)) return true;
    authorizer.refused(permissions, 'Fetch', aclOperations.read, aclResources.topic, topic);
    return false;
  }

  #quotaBytesMax(): number {
    const { quotas } = this.#services;
    if (!quotas.active) return Number.MAX_SAFE_INTEGER;
    const { connection, clientId } = this.#order.context;
    return quotas.fetchBytesMax({ principal: connection.principal, clientId });
  }

  /** First offset that this reader may not see. */
  #readableEnd(partition: TopicPartition): number {
    return this.#committedOnly ? partition.lastStableOffset : partition.log.highWatermark;
  }

  #note(entry: FetchEntry, errorCode: number, result: ReadResult | null): void {
    this.#looked.push({ entry, errorCode, result });
    if (result !== null) this.#bytes += result.bytes;
    if (errorCode !== 0) this.#failed = true;
  }

  /** A read that failed for want of memory is no failure of the partition: it is tried again later. */
  #noteFailure(entry: FetchEntry, error: unknown): void {
    const wantsMemory = isMillraceError(error, 'overloaded');
    if (wantsMemory && this.#bytes === 0) this.#starved = true;
    this.#note(entry, wantsMemory ? 0 : readErrorCode(error), null);
  }

  #decide(): void {
    const { request, context, set } = this.#order;
    // What is there did not fit into the little: room is awaited like any other memory.
    if (this.#scant && this.#bytes === 0 && this.#looked.some(({ result }) => result !== null)) this.#starved = true;
    const enough = this.#bytes >= (this.#scant ? 1 : Math.min(request.minBytes, this.#quotaBytesMax())) || this.#failed || set.size === 0;
    if (context.connection.closed) return this.#leave();
    if (enough && !this.#starved) return this.#answer();
    if (this.#expired) return this.#answer();
    if (this.#stirred && !this.#starved) return this.#look();
    this.#wait();
  }

  #wait(): void {
    this.#state = 'waiting';
    this.#waitingSinceMs = this.#services.clock.monotonicMs();
    this.#forgetLook();
    if (this.#starved) this.#services.responseMemory.wait(this);
    if (this.#timer !== null) return;
    this.#timer = this.#services.clock.after(this.#order.request.maxWaitMs, () => this.#expire());
    this.#forgetClose = this.#order.context.connection.onClose(() => { if (this.#state === 'waiting') this.#leave(); });
  }

  #expire(): void {
    this.#expired = true;
    if (this.#state === 'waiting') this.#look();
  }

  #answer(): void {
    const { context, sessionId, full, set } = this.#order;
    const { quotas } = this.#services;
    const { pauseMs, putOff } = quotas.active ? quotas.recordFetch({ principal: context.connection.principal, clientId: context.clientId }, this.#bytes) : freeFetch;
    if (putOff) return this.#putOff(pauseMs);
    const responses: TopicAnswer[] = [];
    const held: ReadResult[] = [];
    const partitionsOf = new Map<string, PartitionAnswer[]>();
    for (const look of this.#looked) {
      const { topicKey } = look.entry;
      if (look.result !== null) held.push(look.result);
      this.#count(look);
      if (!this.#tell(look, full, set)) continue;
      let partitions = partitionsOf.get(topicKey);
      if (partitions === undefined) {
        partitionsOf.set(topicKey, partitions = []);
        responses.push(this.#byId ? { topicId: topicKey, partitions } : { topic: topicKey, partitions });
      }
      partitions.push(partitionAnswer(look, this.#committedOnly));
    }
    this.#looked = [];
    this.#over();
    context.reply({ sessionId, responses, throttleTimeMs: pauseMs }, held.length === 0 ? undefined : () => { for (const result of held) result.release(); });
  }

  /** Kafka's answer to a reader over its quota: nothing, and how long to wait. One that named everything names it again. */
  #putOff(pauseMs: number): void {
    const { context, sessionId, full, onPutOff } = this.#order;
    this.#over();
    if (full) onPutOff();
    context.reply({ sessionId: full ? noSession : sessionId, responses: [], throttleTimeMs: pauseMs });
  }

  #count({ entry, errorCode, result }: PartitionLook): void {
    if (errorCode !== 0) this.#services.metrics.requests.failed(Fetch, errorCode);
    if (entry.partition === undefined) return;
    const { traffic } = entry.partition.topic;
    traffic.fetchRequests++;
    if (errorCode !== 0) traffic.fetchFailures++;
    if (result === null || result.bytes === 0) return;
    traffic.bytesOut += result.bytes;
    traffic.recordsOut += result.nextOffset - entry.fetchOffset;
  }

  /** Whether the reader is told of this entry; moves the entry in line, or out of it (E1). */
  #tell({ entry, errorCode, result }: PartitionLook, full: boolean, set: FetchSet): boolean {
    if (errorCode !== 0) return true;
    const { log } = entry.partition!;
    const bytes = result?.bytes ?? 0;
    const { lastStableOffset } = entry.partition!;
    const moved = entry.toldHighWatermark !== log.highWatermark || entry.toldLastStableOffset !== lastStableOffset || entry.toldLogStartOffset !== log.logStartOffset;
    entry.toldHighWatermark = log.highWatermark;
    entry.toldLastStableOffset = lastStableOffset;
    entry.toldLogStartOffset = log.logStartOffset;
    if (bytes > 0) { set.line.delete(entry); set.line.add(entry); }
    else if (entry.fetchOffset >= this.#readableEnd(entry.partition!)) set.line.delete(entry);
    return full || bytes > 0 || moved;
  }

  /** Gives back what the last look took. */
  #forgetLook(): void {
    for (const { result } of this.#looked) result?.release();
    this.#looked = [];
    this.#bytes = 0;
    this.#failed = false;
    if (this.#reservedBytes > 0) this.#services.responseMemory.give(this.#reservedBytes);
    this.#reservedBytes = 0;
  }

  /** Nobody waits for the answer any more; what the request held goes back. */
  #leave(): void {
    this.#over();
    this.#order.context.replyNothing();
  }

  #over(): void {
    this.#forgetLook();
    this.#state = 'over';
    this.#timer?.cancel();
    this.#forgetClose?.();
    this.#services.responseMemory.forget(this);
    this.#order.set.onAdvance = null;
    this.#order.onOver();
  }
}

interface PartitionLook { readonly entry: FetchEntry; readonly errorCode: number; readonly result: ReadResult | null }

function partitionAnswer({ entry, errorCode, result }: PartitionLook, committedOnly: boolean): PartitionAnswer {
  if (errorCode !== 0) return { partitionIndex: entry.index, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: noBytes };
  return {
    partitionIndex: entry.index,
    errorCode: 0,
    highWatermark: entry.toldHighWatermark,
    lastStableOffset: entry.toldLastStableOffset,
    logStartOffset: entry.toldLogStartOffset,
    abortedTransactions: committedOnly ? nothingAborted : null, // what was aborted was left out
    records: result?.parts ?? noBytes,
  };
}

function readErrorCode(error: unknown): number {
  if (isMillraceError(error, 'offset-out-of-range')) return errorCodes.OFFSET_OUT_OF_RANGE;
  if (isMillraceError(error, 'data-damaged')) return errorCodes.CORRUPT_MESSAGE;
  if (isMillraceError(error, 'topic-not-found')) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  if (isMillraceError(error)) return errorCodes.KAFKA_STORAGE_ERROR;
  throw error;
}
