// broker/metrics/request-metrics.ts - how long requests take, by api, and in which part; which ones took too long.
// Owns: the counts, the judgement of slowness. Never: clocks (the connection stamps its slots), the form of lines.
// The parts of a request's time, in its order: `queue` from its last byte to its handler, `handle` in the handler, `wait` until the answer is there
// (for the disk, for a group, for records to fetch), `send` until the operating system has the answer.
// Q1 A request counts once, when its answer has left or never will. Q2 Time that a client asked to wait is not slow: fetches for records, joins and
// syncs of groups. Cost per request: four additions, three look-ups in bounds, three looks at the clock; nothing is allocated.
import { byteBounds, Histogram, requestMsBounds } from '../../base/mod.ts';
import { Fetch, JoinGroup, ShareFetch, SyncGroup, type Api } from '../../wire/mod.ts';

/** Stamps of a request, as its connection takes them (monotonic ms). */
export interface RequestTimes {
  readonly api: Api<any, any>;
  readonly version: number;
  readonly clientId: string | null;
  readonly frameBytes: number;
  readonly receivedMs: number;
  readonly begunMs: number;
  readonly handledMs: number;
  readonly answeredMs: number;
  /** Part of the wait that the client asked for. */
  readonly parkedMs: number;
  /** Code at the top of the answer; 0 for none. */
  readonly errorCode: number;
}

/** A request that took longer than it should, in parts (ms). */
export interface SlowRequest {
  readonly api: string;
  readonly version: number;
  readonly clientId: string | null;
  readonly totalMs: number;
  readonly queueMs: number;
  readonly handleMs: number;
  readonly waitMs: number;
  readonly sendMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** The requests of one api. */
export class ApiFigures {
  readonly name: string;
  readonly totalMs = new Histogram(requestMsBounds);
  readonly requestBytes = new Histogram(byteBounds);
  readonly responseBytes = new Histogram(byteBounds);
  queueMs = 0;
  handleMs = 0;
  waitMs = 0;
  sendMs = 0;
  /** How often each error was told, by Kafka's code; made for the first one. */
  readonly errors = new Map<number, number>();

  constructor(name: string) {
    this.name = name;
  }
}

/** Apis whose answers wait because their clients want them to. */
const patient: ReadonlySet<number> = new Set([Fetch.key, ShareFetch.key, JoinGroup.key, SyncGroup.key]);

/** The requests of a node. */
export class RequestMetrics {
  readonly #byKey: (ApiFigures | undefined)[] = [];
  /** A request that took at least this long is told of; Infinity for none. */
  slowMs = Infinity;
  onSlow: (request: SlowRequest) => void = () => {};

  /** Apis that were asked, by rising key. */
  *all(): Iterable<ApiFigures> {
    for (const figures of this.#byKey) if (figures !== undefined) yield figures;
  }

  /** One partition or the whole of a request was refused with a code of Kafka's. */
  failed(api: Api<any, any>, errorCode: number): void {
    const { errors } = this.#of(api);
    errors.set(errorCode, (errors.get(errorCode) ?? 0) + 1);
  }

  /** A request is over: its answer of so many bytes has left, or there was none to send. */
  over(request: RequestTimes, responseBytes: number, sentMs: number): void {
    const figures = this.#of(request.api);
    const handledMs = request.handledMs === 0 ? request.answeredMs : request.handledMs; // answered before the handler returned
    const totalMs = sentMs - request.receivedMs;
    figures.totalMs.observe(totalMs);
    figures.requestBytes.observe(request.frameBytes);
    figures.responseBytes.observe(responseBytes);
    figures.queueMs += request.begunMs - request.receivedMs;
    figures.handleMs += handledMs - request.begunMs;
    figures.waitMs += request.answeredMs - handledMs;
    figures.sendMs += sentMs - request.answeredMs;
    if (request.errorCode !== 0) this.failed(request.api, request.errorCode);
    if (totalMs >= this.slowMs) this.#judge(request, handledMs, sentMs, responseBytes);
  }

  #of(api: Api<any, any>): ApiFigures {
    return this.#byKey[api.key] ??= new ApiFigures(api.name);
  }

  /** Q2. */
  #judge(request: RequestTimes, handledMs: number, sentMs: number, responseBytes: number): void {
    const waitMs = request.answeredMs - handledMs;
    const wantedMs = request.api === Fetch ? Math.min(waitMs, request.parkedMs) : patient.has(request.api.key) ? waitMs : 0;
    const totalMs = sentMs - request.receivedMs - wantedMs;
    if (totalMs < this.slowMs) return;
    this.onSlow({
      api: request.api.name, version: request.version, clientId: request.clientId, totalMs, waitMs: waitMs - wantedMs,
      queueMs: request.begunMs - request.receivedMs, handleMs: handledMs - request.begunMs, sendMs: sentMs - request.answeredMs, requestBytes: request.frameBytes, responseBytes,
    });
  }
}
