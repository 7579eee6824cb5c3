// broker/metrics/broker-metrics.ts - what a broker counts of itself beyond its topics: requests, connections, transactions.
// Owns: the counts' life: from the node's start. Never: how they are told (node/metrics).
import { limits, type Report } from '../../base/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { RequestMetrics, type SlowRequest } from './request-metrics.ts';

/** Connections since the start. */
export interface ConnectionCounts {
  accepted: number;
  /** Closed at once: max.connections were open. */
  refused: number;
  /** Ended by the node: bad bytes, an unknown api, somebody who held others up. */
  aborted: number;
  /** Ended for having asked nothing for connections.max.idle.ms. */
  idle: number;
  /** Times that a socket was not read for a while: too many requests under way, answers not taken, no memory. */
  pauses: number;
}

/** The counts of a broker. */
export class BrokerMetrics {
  readonly requests = new RequestMetrics();
  readonly connections: ConnectionCounts = { accepted: 0, refused: 0, aborted: 0, idle: 0, pauses: 0 };
  /** Transactions that ended, by their result. */
  readonly transactionsEnded = { commit: 0, abort: 0 };

  /** Takes the threshold of slow requests from the configuration, now and whenever it changes, and tells of them. */
  watchSlow(config: NodeConfig, report: Report): void {
    const read = (): void => {
      const ms = config.number('millrace.slow.request.ms');
      this.requests.slowMs = ms < 0 ? Infinity : ms;
    };
    read();
    config.onChange(read);
    this.requests.onSlow = (request) => report(slowLine(request), 'warn', slowFacts(request));
  }
}

const whole = (ms: number): number => Math.round(ms * 10) / 10;

function slowLine(request: SlowRequest): string {
  const { api, version, totalMs, queueMs, handleMs, waitMs, sendMs } = request;
  const client = request.clientId === null ? 'a client without a name' : `client '${shown(request.clientId)}'`;
  return `slow request: ${api} ${version} of ${client} took ${whole(totalMs)} ms: ${whole(queueMs)} in line, ${whole(handleMs)} handled, ${whole(waitMs)} waiting, ${whole(sendMs)} sending`;
}

function slowFacts(request: SlowRequest) {
  const { api, version, clientId, requestBytes, responseBytes } = request;
  return {
    event: 'slow-request', api, version, clientId: clientId === null ? null : shown(clientId), totalMs: whole(request.totalMs), queueMs: whole(request.queueMs), handleMs: whole(request.handleMs),
    waitMs: whole(request.waitMs), sendMs: whole(request.sendMs), requestBytes, responseBytes,
  };
}

/** What a client calls itself, fit for a log: it may call itself anything. */
export function shown(clientId: string): string {
  const plain = clientId.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');
  return plain.length > limits.metrics.clientIdLengthMax ? `${plain.slice(0, limits.metrics.clientIdLengthMax)}...` : plain;
}
