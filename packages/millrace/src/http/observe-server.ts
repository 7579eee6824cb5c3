// http/observe-server.ts - GET /metrics, /healthz and /readyz.
// Owns: requests and answers, bounds on those who ask. Never: figures: a port asks the node for them.
// O1 One scrape is under way at a time. Who comes meanwhile waits for the next one, which all of them share: so nobody gets figures from before his
// request, and any number of askers costs the node no more than one. After a scrape the node is left alone for nine times as long as it took.
// O2 An asker has a bounded time for his request and for taking the answer, and there is a bound on askers.
// O3 On the loopback only requests that name a loopback host are answered: no web page can read figures through a browser (DNS rebinding).
// O4 A node whose thread does not answer in time is told as such, by this thread.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { isLoopback } from '../base/mod.ts';
import type { DoorData, ReadyAnswer, ScrapeKind } from './messages.ts';

/** What is asked of the node. */
export interface NodeQuestions {
  pulse(): Promise<void>;
  ready(): Promise<ReadyAnswer>;
  scrape(kind: ScrapeKind): Promise<string[] | { readonly failure: string }>;
}

/** A server that listens. */
export interface ObservationServer { readonly host: string; readonly port: number; close(): Promise<void> }

const headerBytesMax = 8 * 1024;
const requestMsMax = 5_000;
const keepAliveMs = 10_000;
/** Less is not worth packing. */
const gzipBytesMin = 16 * 1024;
const restFactor = 9;
const restMsMax = 5_000;

const contentTypes = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;

/** Listens; rejects with what the system says when it cannot. */
export async function serveObservations(data: DoorData, questions: NodeQuestions): Promise<ObservationServer> {
  const observations = new Observations(data, questions);
  const server = createServer({ maxHeaderSize: headerBytesMax, headersTimeout: requestMsMax, requestTimeout: requestMsMax, keepAliveTimeout: keepAliveMs, connectionsCheckingInterval: 1_000 });
  server.maxConnections = data.connectionsMax;
  server.on('request', (request, response) => { void observations.answer(request, response); });
  await new Promise<void>((resolve, reject) => { server.once('error', reject); server.listen({ host: data.host, port: data.port }, resolve); });
  server.removeAllListeners('error').on('error', () => {}); // a failed accept costs that connection only
  const { address, port } = server.address() as AddressInfo;
  return { host: data.host === 'localhost' ? address : data.host, port, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A text that several answers share; packed once, when the first one wants that. */
interface Shared { readonly plain: Buffer; packed: Buffer | null }

class Observations {
  readonly #data: DoorData;
  readonly #questions: NodeQuestions;
  readonly #loopbackOnly: boolean;
  /** By kind: the scrape that has not begun yet, which newcomers share (O1). */
  readonly #next = new Map<string, Promise<Shared | { readonly failure: string }>>();
  /** Resolves when the node may be asked for the next scrape. */
  #turn: Promise<void> = Promise.resolve();
  /** Bytes of answers that were not taken yet (O2). */
  #heldBytes = 0;
  #pulse: Promise<void> | null = null;
  #ready: Promise<ReadyAnswer> | null = null;

  constructor(data: DoorData, questions: NodeQuestions) {
    this.#data = data;
    this.#questions = questions;
    this.#loopbackOnly = isLoopback(data.host);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#bound(request.socket, response);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    try {
      if (this.#loopbackOnly && !isLoopback(hostNameOf(request.headers.host))) return end(response, 403, 'this node answers requests to a loopback host only\n');
      if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
      const url = URL.parse(request.url ?? '', 'http://node');
      if (url === null) return end(response, 400, 'no such address\n');
      switch (url.pathname) {
        case '/metrics': return await this.#metrics(url.searchParams, request, response);
        case '/healthz': return await this.#health(response);
        case '/readyz': return await this.#readiness(response);
        default: return end(response, 404, 'there are /metrics, /healthz and /readyz\n');
      }
    } catch {
      response.destroy(); // whoever asked has gone
    }
  }

  /** O2: who does not take his answer in time loses his connection, however slowly he goes on reading. */
  #bound(socket: Socket, response: ServerResponse): void {
    const timer = setTimeout(() => socket.destroy(), this.#data.answerMsMax);
    response.once('close', () => clearTimeout(timer));
  }

  async #metrics(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const kind = scrapeKind(query, request.headers.accept);
    if (typeof kind === 'string') return end(response, 400, `${kind}\n`);
    const text = await within(this.#shared(kind), this.#data.answerMsMax);
    if (text === null) return end(response, 503, "the node's thread does not answer\n");
    if ('failure' in text) return end(response, 503, `${text.failure}\n`);
    const pack = text.plain.length >= gzipBytesMin && /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(request.headers['accept-encoding'] ?? '');
    const body = pack ? (text.packed ??= gzipSync(text.plain, { level: 1 })) : text.plain;
    if (this.#heldBytes + body.length > this.#data.answerBytesMax) return end(response, 503, 'too many answers wait for their readers\n');
    this.#heldBytes += body.length;
    response.once('close', () => { this.#heldBytes -= body.length; });
    response.writeHead(200, { 'content-type': contentTypes[kind.format], 'content-length': body.length, vary: 'accept, accept-encoding', ...(pack ? { 'content-encoding': 'gzip' } : {}) });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  /** O1. */
  #shared(kind: ScrapeKind): Promise<Shared | { readonly failure: string }> {
    const key = `${kind.detail} ${kind.format}`;
    let next = this.#next.get(key);
    if (next === undefined) this.#next.set(key, next = this.#inTurn(key, kind));
    return next;
  }

  async #inTurn(key: string, kind: ScrapeKind): Promise<Shared | { readonly failure: string }> {
    const before = this.#turn;
    let over!: () => void;
    this.#turn = new Promise((resolve) => { over = resolve; });
    await before;
    this.#next.delete(key); // who comes from now on waits for the next
    const fromMs = performance.now();
    try {
      const pieces = await this.#questions.scrape(kind);
      return Array.isArray(pieces) ? { plain: Buffer.from(pieces.join('')), packed: null } : pieces;
    } finally {
      setTimeout(over, Math.min(restMsMax, (performance.now() - fromMs) * restFactor)).unref();
    }
  }

  async #health(response: ServerResponse): Promise<void> {
    this.#pulse ??= this.#questions.pulse().finally(() => { this.#pulse = null; });
    const fromMs = performance.now();
    const alive = await within(this.#pulse.then(() => true), this.#data.pulseMsMax) ?? false;
    const waitedMs = Math.round((performance.now() - fromMs) * 10) / 10;
    endJson(response, alive ? 200 : 503, alive ? { alive, waitedMs } : { alive, reason: 'not-answering', message: `the node's thread has not answered for ${waitedMs} ms` });
  }

  async #readiness(response: ServerResponse): Promise<void> {
    this.#ready ??= this.#questions.ready().finally(() => { this.#ready = null; });
    const answer = await within(this.#ready, this.#data.pulseMsMax) ?? { ready: false, reason: 'not-answering', message: `the node's thread has not answered for ${this.#data.pulseMsMax} ms` };
    endJson(response, answer.ready ? 200 : 503, answer);
  }
}

/** What is wanted, or what is wrong with the request. */
function scrapeKind(query: URLSearchParams, accept: string | undefined): ScrapeKind | string {
  for (const name of query.keys()) if (name !== 'detail') return `no such parameter '${name.slice(0, 50)}': there is detail`;
  const detail = query.get('detail') ?? 'topic';
  if (detail !== 'topic' && detail !== 'partition') return 'detail is topic or partition';
  return { detail, format: /\bapplication\/openmetrics-text\b/.test(accept ?? '') ? 'openmetrics' : 'prometheus' };
}

/** The result, or null when it takes longer. */
function within<T>(result: Promise<T>, ms: number): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), ms);
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function end(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text), ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function endJson(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** 'localhost' of 'localhost:9464', '::1' of '[::1]:9464'; '' when there is none. */
function hostNameOf(host: string | undefined): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host ?? '');
  return match?.[1] ?? match?.[2] ?? '';
}
