// broker/world/injector.ts - which faults a request meets. Decisions only: no clock, no connection.
// Owns: matching, chance, counts. Never: what a fault does (layer.ts).
// I1 Chance is drawn from the plan's seed once per rule and fitting request, in the order of the requests: the same run meets the same faults.
// I2 A rule that is used up costs one comparison.
import { ApiVersions, errorCodes, SaslAuthenticate, SaslHandshake } from '../../wire/mod.ts';
import { keysOf, type FaultPlan, type FaultRule } from './rules.ts';

/** What rules ask of a request; lists are made when a rule asks for them. */
export interface RequestFacts {
  readonly apiKey: number;
  readonly clientId: string | null;
  topics(): readonly string[];
  groups(): readonly string[];
}

/** One rule with what became of it. */
export interface RuleReport { readonly rule: FaultRule; readonly matched: number; readonly injected: number }

/** A fault that a request meets. */
export interface Fault { readonly rule: FaultRule; readonly errorCode: number; touchesTopic(name: string): boolean; touchesGroup(name: string): boolean }

/** Requests without which there is no connection: a rule must name them. */
const opening: ReadonlySet<number> = new Set([ApiVersions.key, SaslHandshake.key, SaslAuthenticate.key]);

/** The rules in force. */
export class Injector {
  readonly #rows: Row[];
  #state: number;

  constructor(plan: FaultPlan) {
    this.#rows = plan.rules.map((rule) => new Row(rule));
    this.#state = (plan.seed ?? 1) >>> 0;
  }

  get isEmpty(): boolean { return this.#rows.length === 0; }

  /** The faults that this request meets, in the order of the rules. */
  decide(facts: RequestFacts): Fault[] {
    const faults: Fault[] = [];
    for (const row of this.#rows) {
      if (row.isUsedUp || !row.fits(facts)) continue;
      if (row.matched++ < row.after) continue;
      if (this.#fraction() >= row.probability) continue;
      row.injected++;
      faults.push(row);
    }
    return faults;
  }

  /** Every rule with its counts. */
  report(): RuleReport[] {
    return this.#rows.map(({ rule, matched, injected }) => ({ rule, matched, injected }));
  }

  /** A number in [0, 1): Mulberry32. */
  #fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

class Row implements Fault {
  readonly rule: FaultRule;
  readonly errorCode: number;
  readonly after: number;
  readonly probability: number;
  matched = 0;
  injected = 0;
  readonly #keys: ReadonlySet<number> | null;

  constructor(rule: FaultRule) {
    this.rule = rule;
    this.#keys = keysOf(rule);
    this.errorCode = rule.error === undefined ? 0 : errorCodes[rule.error as keyof typeof errorCodes];
    this.after = rule.after ?? 0;
    this.probability = rule.probability ?? 1;
  }

  get isUsedUp(): boolean { return this.rule.times !== undefined && this.injected >= this.rule.times; }

  fits(facts: RequestFacts): boolean {
    const { clientIds, topics, groups } = this.rule;
    if (this.#keys === null ? opening.has(facts.apiKey) : !this.#keys.has(facts.apiKey)) return false;
    if (clientIds !== undefined && !matches(clientIds, facts.clientId ?? '')) return false;
    if (topics !== undefined && !facts.topics().some((name) => matches(topics, name))) return false;
    return groups === undefined || facts.groups().some((name) => matches(groups, name));
  }

  touchesTopic(name: string): boolean {
    return this.rule.topics === undefined || matches(this.rule.topics, name);
  }

  touchesGroup(name: string): boolean {
    return this.rule.groups === undefined || matches(this.rule.groups, name);
  }
}

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}
