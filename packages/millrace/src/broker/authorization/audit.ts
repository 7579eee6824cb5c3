// broker/authorization/audit.ts - one line for each refusal, a few a second at most.
// Owns: the form of the line and its rate. Never: the decision. A line names who, from where, what and on which resource: nothing of what was sent.
import { limits, type Report } from '../../base/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { aclNumberName, aclOperations, aclResources } from '../../wire/mod.ts';

/** What was refused. */
export interface Refused {
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly resourceType: number;
  readonly name: string;
  /** The request's name. */
  readonly api: string;
}

const windowMs = 1000;
const textMax = 120;

/** Tells of refusals. */
export class Audit {
  readonly #report: Report;
  readonly #clock: Clock;
  #windowStartMs = -Infinity;
  #toldInWindow = 0;
  /** Refusals without a line since the last one that had one. */
  #untold = 0;

  constructor(report: Report, clock: Clock) {
    this.#report = report;
    this.#clock = clock;
  }

  refused({ principal, host, operation, resourceType, name, api }: Refused): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= windowMs) { this.#windowStartMs = nowMs; this.#toldInWindow = 0; }
    if (this.#toldInWindow >= limits.broker.auditLinesPerSecondMax) { this.#untold++; return; }
    this.#toldInWindow++;
    const others = this.#untold === 0 ? '' : ` (and ${this.#untold} refusals before it without a line)`;
    this.#untold = 0;
    const verb = (aclNumberName(aclOperations, operation) ?? String(operation)).toUpperCase();
    const kind = aclNumberName(aclResources, resourceType) ?? String(resourceType);
    this.#report(`not authorized: ${shown(principal)} from ${host} lacks ${verb} on ${kind} '${shown(name)}' for ${api}${others}`, 'warn', {
      component: 'authorization', event: 'not-authorized', principal: shown(principal), client: host, operation: verb, resource: kind, name: shown(name), request: api,
    });
  }
}

/** Names are the client's words: on one line, and not long. */
function shown(text: string): string {
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');
  return line.length > textMax ? `${line.slice(0, textMax)}…` : line;
}
