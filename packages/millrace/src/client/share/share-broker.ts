// client/share/share-broker.ts - one broker's part of a share consumer: the share session, what is fetched there, what is said of it.
// Owns: session epochs, the one request under way, acknowledgements until they are answered. Never: whose turn it is to get a record (share-consumer.ts).
// B1 One request is under way at a time: epochs go one by one. What is said meanwhile gathers and goes with the next request. B2 A session ends with its
// connection: the server gives up all that was handed out in it, so what is still held here is lost, and what was said of it without an answer may be.
// B3 Records are fetched only when somebody waits for them: a lock never runs while a record lies about.
import { backoffDefault, fullJitterMs, isMillraceError, MillraceError, withDeadline, type Deadline } from '../../base/mod.ts';
import { errorCodes as E, ShareAcknowledge, ShareFetch, type ResponseOf } from '../../wire/mod.ts';
import { RecordBatch, RecordReader } from '../consumer/record-batch.ts';
import { kafkaError, isRetriable, staleView } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import type { BrokerConnection } from '../net/connection.ts';
import { Acknowledgements } from './acknowledgements.ts';
import type { AcknowledgeResult, ShareConsumerSettings } from './options.ts';
import { acknowledgeType, ShareRecord, type RecordHolder } from './share-record.ts';

/** A partition that is fetched. */
export interface SharedPlace { readonly key: string; readonly topic: string; readonly topicId: string; readonly partition: number }

/** What a broker's part asks of its consumer. */
export interface ShareBrokerEvents {
  /** Records came. */
  arrived(records: readonly ShareRecord[]): void;
  /** What is held of this broker is lost (B2). */
  lost(broker: ShareBroker): void;
  acknowledged(results: readonly AcknowledgeResult[]): void;
  /** Leaders have moved, or a topic is another one. */
  moved(): void;
  /** It cannot go on. */
  failed(error: Error): void;
}

type Answer = ResponseOf<typeof ShareFetch> | ResponseOf<typeof ShareAcknowledge>;
interface Said { readonly place: SharedPlace; readonly acknowledgements: Acknowledgements; readonly renewed: ShareRecord[] }

const epochs = { initial: 0, final: -1 } as const;
const sessionIsOver: ReadonlySet<number> = new Set([E.SHARE_SESSION_NOT_FOUND, E.INVALID_SHARE_SESSION_EPOCH, E.GROUP_ID_NOT_FOUND]);
/** While records are being worked on, a fetch waits no longer than this: what is said of them goes with the request after it. */
const busyWaitMs = 50;

/** The share session with one broker. */
export class ShareBroker implements RecordHolder {
  readonly nodeId: number;
  readonly #cluster: Cluster;
  readonly #settings: ShareConsumerSettings;
  readonly #memberId: string;
  readonly #lane: string;
  readonly #events: ShareBrokerEvents;
  #connection: BrokerConnection | null = null;
  #epoch: number = epochs.initial;
  /** Partitions to fetch, and those that the session has. */
  #wanted = new Map<string, SharedPlace>();
  #known = new Map<string, SharedPlace>();
  #pending = new Map<string, Said>();
  /** Records handed out in this session of which nothing final was said, and when the last of their locks expires. */
  #held = 0;
  #heldUntilMs = 0;
  #sessionsMade = 0;
  #isBusy = false;
  #isScheduled = false;
  #isHungry = false;
  #failures = 0;
  #notBeforeMs = 0;
  /** Called when the request under way is over, and when the one after it is, which takes along what is pending. */
  #afterThis: (() => void)[] = [];
  #afterNext: (() => void)[] = [];
  #closing = false;

  constructor(cluster: Cluster, settings: ShareConsumerSettings, nodeId: number, memberId: string, lane: string, events: ShareBrokerEvents) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.nodeId = nodeId;
    this.#memberId = memberId;
    this.#lane = lane;
    this.#events = events;
  }

  /** Fetches these from now on. */
  want(places: readonly SharedPlace[]): void {
    this.#wanted = new Map(places.map((place) => [place.key, place]));
    if (this.#isHungry) this.#driveSoon();
  }

  /** Somebody waits for records, or nobody does. */
  hunger(isHungry: boolean): void {
    this.#isHungry = isHungry;
    if (isHungry) this.#driveSoon();
  }

  say(record: ShareRecord, type: number): void {
    const said = this.#saidOf({ key: `${record.topicId} ${record.partition}`, topic: record.topic, topicId: record.topicId, partition: record.partition });
    said.acknowledgements.add(record.offset, type);
    if (type === acknowledgeType.renew) said.renewed.push(record);
    else this.#held--;
    this.#driveSoon();
  }

  /** Resolves when all that was said so far is answered. */
  settled(): Promise<void> {
    if (this.#pending.size > 0) return new Promise((resolve) => { this.#afterNext.push(resolve); this.#driveSoon(); });
    return this.#isBusy ? new Promise((resolve) => { this.#afterThis.push(resolve); }) : Promise.resolve();
  }

  /** Says what is left to say and ends the session: the server gives up the rest. */
  async close(deadline: Deadline): Promise<void> {
    this.#closing = true;
    this.#isHungry = false;
    if (this.#isBusy) await withDeadline(this.#cluster.ports.clock, deadline, 'finish a request', new Promise<void>((resolve) => { this.#afterThis.push(resolve); })).catch(() => {});
    if (this.#epoch !== epochs.initial && this.#connection?.isOpen === true) {
      const said = this.#take();
      try {
        this.#heard(said, await this.#connection.call(ShareAcknowledge, { ...this.#request(epochs.final, said), isRenewAck: false }, { deadline }));
      } catch (error) {
        this.#unheard(said, error);
      }
    } else this.#unheard(this.#take(), new MillraceError('closed', 'Cannot acknowledge: the consumer was closed'));
    for (const resolve of [...this.#afterThis.splice(0), ...this.#afterNext.splice(0)]) resolve();
    this.#cluster.closeLane(this.#lane);
  }

  #saidOf(place: SharedPlace): Said {
    let said = this.#pending.get(place.key);
    if (said === undefined) this.#pending.set(place.key, said = { place, acknowledgements: new Acknowledgements(), renewed: [] });
    return said;
  }

  #take(): Map<string, Said> {
    const said = this.#pending;
    this.#pending = new Map();
    return said;
  }

  #driveSoon(): void {
    if (this.#isScheduled || this.#isBusy || this.#closing) return;
    this.#isScheduled = true;
    const { clock } = this.#cluster.ports;
    const delayMs = this.#notBeforeMs - clock.monotonicMs();
    const drive = (): void => { this.#isScheduled = false; void this.#drive(); };
    if (delayMs > 0) clock.after(delayMs, drive);
    else clock.soon(drive);
  }

  /** The next request, if there is something to ask (B1). */
  async #drive(): Promise<void> {
    if (this.#isBusy || this.#closing) return;
    const fetches = this.#isHungry && this.#wanted.size > 0;
    if (!fetches && this.#pending.size === 0) return;
    this.#isBusy = true;
    const said = this.#take();
    this.#afterThis = this.#afterNext;
    this.#afterNext = [];
    const renews = [...said.values()].some(({ acknowledgements }) => acknowledgements.hasRenewals);
    try {
      await this.#connect();
      if (this.#epoch === epochs.initial && said.size > 0) this.#unheard(said, new MillraceError('disconnected', 'Cannot acknowledge: the session in which the records were handed out is over', { retry: false }));
      else if (renews || !fetches) { if (said.size > 0) await this.#acknowledge(said, renews); }
      else await this.#askForRecords(said);
      this.#failures = 0;
    } catch (error) {
      this.#unheard(said, error);
      this.#recover(error);
    }
    this.#isBusy = false;
    for (const resolve of this.#afterThis.splice(0)) resolve();
    if (this.#pending.size > 0 || this.#isHungry) this.#driveSoon();
  }

  async #connect(): Promise<void> {
    const connection = await this.#cluster.connection(this.nodeId, this.#lane, this.#cluster.deadline(this.#cluster.options.connectTimeoutMs));
    if (connection === this.#connection) return;
    if (this.#connection !== null) this.#lose();
    this.#connection = connection;
    connection.onClose(() => { if (this.#connection === connection) this.#lose(); });
  }

  /** B2. */
  #lose(): void {
    this.#connection = null;
    this.#epoch = epochs.initial;
    this.#known.clear();
    this.#held = 0;
    this.#sessionsMade++;
    const said = this.#take();
    this.#events.lost(this);
    if (said.size > 0) this.#unheard(said, new MillraceError('disconnected', 'Cannot acknowledge: the session in which the records were handed out is over', { retry: false }));
  }

  #request(shareSessionEpoch: number, said: ReadonlyMap<string, Said>, added: Iterable<SharedPlace> = []) {
    const topics = new Map<string, { partitionIndex: number; acknowledgementBatches: ReturnType<Acknowledgements['batches']> }[]>();
    const add = ({ topicId, partition }: SharedPlace, acknowledgementBatches: ReturnType<Acknowledgements['batches']>): void => {
      const partitions = topics.get(topicId);
      if (partitions === undefined) topics.set(topicId, [{ partitionIndex: partition, acknowledgementBatches }]);
      else partitions.push({ partitionIndex: partition, acknowledgementBatches });
    };
    for (const { place, acknowledgements } of said.values()) add(place, acknowledgements.batches());
    for (const place of added) if (!said.has(place.key)) add(place, []);
    return { groupId: this.#settings.group, memberId: this.#memberId, shareSessionEpoch, topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })) };
  }

  async #acknowledge(said: Map<string, Said>, isRenewAck: boolean): Promise<void> {
    const connection = this.#connection!;
    if (isRenewAck && connection.versionOf(ShareAcknowledge) < 2) throw new MillraceError('unsupported-version', 'Cannot hold records for longer: the server does not know renewal (Kafka 4.2 does)');
    const answer = await connection.call(ShareAcknowledge, { ...this.#request(this.#epoch, said), isRenewAck }, { deadline: this.#cluster.deadline(this.#cluster.options.requestTimeoutMs) });
    if (this.#isSessionOver(said, answer.errorCode, answer.errorMessage)) return;
    this.#nextEpoch();
    this.#heard(said, answer);
  }

  async #askForRecords(said: Map<string, Said>): Promise<void> {
    const connection = this.#connection!;
    const wanted = this.#wanted;
    const added = [...wanted.values()].filter(({ key }) => !this.#known.has(key));
    const gone = [...this.#known.values()].filter(({ key }) => !wanted.has(key));
    const { recordsMax, minBytes, maxBytes, acquire } = this.#settings;
    const maxWaitMs = this.#held > 0 && this.#cluster.ports.clock.monotonicMs() < this.#heldUntilMs ? Math.min(busyWaitMs, this.#settings.maxWaitMs) : this.#settings.maxWaitMs;
    const session = this.#sessionsMade;
    const answer = await connection.call(ShareFetch, {
      ...this.#request(this.#epoch, said, added), maxWaitMs, minBytes, maxBytes, maxRecords: recordsMax, batchSize: recordsMax, shareAcquireMode: acquire === 'exact' ? 1 : 0, isRenewAck: false,
      forgottenTopicsData: byTopicId(gone),
    }, { deadline: this.#cluster.deadline(maxWaitMs + this.#cluster.options.requestTimeoutMs), serverWaitMs: maxWaitMs });
    if (this.#isSessionOver(said, answer.errorCode, answer.errorMessage)) return;
    this.#nextEpoch();
    for (const place of [...added, ...[...said.values()].map((one) => one.place)]) this.#known.set(place.key, place);
    for (const { key } of gone) if (!said.has(key)) this.#known.delete(key);
    this.#heard(said, answer);
    if (session === this.#sessionsMade) this.#takeRecords(answer);
  }

  #nextEpoch(): void { this.#epoch = this.#epoch === 2 ** 31 - 1 ? 1 : this.#epoch + 1; }

  /** True when the server knows no such session: a new one is opened. */
  #isSessionOver(said: Map<string, Said>, errorCode: number, errorMessage: string | null): boolean {
    if (errorCode === E.NONE) return false;
    const error = kafkaError(errorCode, `read in share group '${this.#settings.group}'`, { group: this.#settings.group }, errorMessage);
    if (!sessionIsOver.has(errorCode)) throw error;
    this.#unheard(said, error);
    const connection = this.#connection;
    this.#lose();
    this.#connection = connection;
    return true;
  }

  /** Hands on what the server said of acknowledgements. */
  #heard(said: ReadonlyMap<string, Said>, answer: Answer): void {
    if (said.size === 0) return;
    const lockedUntilMs = this.#cluster.ports.clock.monotonicMs() + answer.acquisitionLockTimeoutMs;
    const answers = new Map<string, { errorCode: number; errorMessage: string | null }>();
    for (const { topicId, partitions } of answer.responses) {
      for (const one of partitions) {
        const errorCode = 'acknowledgeErrorCode' in one ? one.acknowledgeErrorCode : one.errorCode;
        const errorMessage = 'acknowledgeErrorMessage' in one ? one.acknowledgeErrorMessage : one.errorMessage;
        answers.set(`${topicId} ${one.partitionIndex}`, { errorCode, errorMessage });
      }
    }
    const results = [...said.values()].map(({ place, acknowledgements, renewed }): AcknowledgeResult => {
      const { errorCode, errorMessage } = answers.get(place.key) ?? { errorCode: answer.errorCode, errorMessage: answer.errorMessage };
      const error = errorCode === E.NONE ? null : kafkaError(errorCode, `acknowledge records of '${place.topic}-${place.partition}'`, { topic: place.topic, partition: place.partition, retry: false }, errorMessage);
      if (error === null && answer.acquisitionLockTimeoutMs > 0) for (const record of renewed) record.extend(this.#heldUntilMs = lockedUntilMs);
      return { topic: place.topic, partition: place.partition, offsets: acknowledgements.offsets, error };
    });
    this.#events.acknowledged(results);
  }

  #unheard(said: Map<string, Said>, error: unknown): void {
    if (said.size === 0) return;
    const isToldAsIs = isMillraceError(error) && (error.data['kafkaCode'] !== undefined || error.code === 'disconnected' || error.code === 'timeout' || error.code === 'unsupported-version');
    const cause = isToldAsIs ? error : new MillraceError('disconnected', `Cannot acknowledge: the answer is lost; ${(error as Error).message}`, { retry: false, cause: error });
    const results = [...said.values()].map(({ place, acknowledgements }): AcknowledgeResult => ({ topic: place.topic, partition: place.partition, offsets: acknowledgements.offsets, error: cause }));
    said.clear();
    this.#events.acknowledged(results);
  }

  #takeRecords(answer: ResponseOf<typeof ShareFetch>): void {
    const lockedUntilMs = this.#cluster.ports.clock.monotonicMs() + answer.acquisitionLockTimeoutMs;
    const records: ShareRecord[] = [];
    for (const { topicId, partitions } of answer.responses) {
      for (const one of partitions) {
        const place = this.#known.get(`${topicId} ${one.partitionIndex}`);
        if (one.errorCode !== E.NONE) this.#refused(topicId, one.partitionIndex, one.errorCode, one.errorMessage);
        else if (place !== undefined && one.acquiredRecords.length > 0) this.#takePartition(place, one.records ?? new Uint8Array(0), one.acquiredRecords, lockedUntilMs, records);
      }
    }
    this.#held += records.length;
    if (records.length > 0) this.#heldUntilMs = lockedUntilMs;
    if (records.length > 0) this.#events.arrived(records);
    else if (this.#pending.size > 0) this.#driveSoon();
  }

  /** Makes records of what was acquired; what is not there is said to be missing. */
  #takePartition(place: SharedPlace, bytes: Uint8Array, ranges: readonly { firstOffset: number; lastOffset: number; deliveryCount: number }[], lockedUntilMs: number, into: ShareRecord[]): void {
    const { topic, topicId, partition } = place;
    const first = ranges[0]!.firstOffset;
    const last = ranges.at(-1)!.lastOffset;
    const batch = new RecordBatch({ topic, topicId, partition, startOffset: first, nextOffset: last + 1, highWatermark: -1, bytes, aborted: [] });
    const reader = new RecordReader(bytes, first, []);
    let more = reader.next();
    for (const { firstOffset, lastOffset, deliveryCount } of ranges) {
      let expected = firstOffset;
      for (; more && reader.offset <= lastOffset; more = reader.next()) {
        if (reader.offset < firstOffset) continue;
        for (; expected < reader.offset; expected++) this.#saidOf(place).acknowledgements.add(expected, acknowledgeType.gap);
        into.push(new ShareRecord(batch, reader, deliveryCount, lockedUntilMs, this));
        expected = reader.offset + 1;
      }
      for (; expected <= lastOffset; expected++) this.#saidOf(place).acknowledgements.add(expected, acknowledgeType.gap);
    }
  }

  #refused(topicId: string, partition: number, errorCode: number, errorMessage: string | null): void {
    const isAboutLeader = staleView(errorCode) === 'metadata';
    if (!isAboutLeader && !isRetriable(errorCode)) return this.#events.failed(kafkaError(errorCode, `read partition ${partition} in share group '${this.#settings.group}'`, { topicId, partition }, errorMessage));
    this.#notBeforeMs = this.#cluster.ports.clock.monotonicMs() + 1 + fullJitterMs(backoffDefault, this.#failures++, this.#cluster.ports.random.fraction());
    if (isAboutLeader) this.#events.moved();
  }

  #recover(error: unknown): void {
    if (!isMillraceError(error)) return this.#events.failed(error as Error);
    if (this.#closing) return;
    if (!error.retry && error.code !== 'closed' && error.code !== 'invalid-bytes') return this.#events.failed(error);
    if (this.#connection?.isOpen !== true && this.#connection !== null) this.#lose();
    this.#notBeforeMs = this.#cluster.ports.clock.monotonicMs() + 1 + fullJitterMs(backoffDefault, this.#failures++, this.#cluster.ports.random.fraction());
    this.#events.moved();
  }
}

function byTopicId(places: readonly SharedPlace[]): { topicId: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topicId, partition } of places) {
    const partitions = topics.get(topicId);
    if (partitions === undefined) topics.set(topicId, [partition]);
    else partitions.push(partition);
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }));
}
