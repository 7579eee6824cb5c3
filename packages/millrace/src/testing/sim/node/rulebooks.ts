// testing/sim/node/rulebooks.ts - a client that adds and removes access rules and quotas, and one promise of them: what was confirmed holds, also after a
// crash and a restart; what was refused changed nothing.
// Owns: the rules and quotas as they must be. One whose change was not answered is left alone until the next life shows what became of it.
import { AlterClientQuotas, CreateAcls, DeleteAcls, DescribeAcls, DescribeClientQuotas, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';

/** What a rule or quota is (null: not there), or may be, since `life`. */
type Fact = { readonly kind: 'known'; readonly value: number | null } | { readonly kind: 'open'; readonly values: readonly (number | null)[]; readonly life: number };

const ruleCount = 5;
const users = ['u0', 'u1', 'u2'];
const topic = 2;
const literal = 3;
const read = 3;
const allow = 3;
const any = 1;
const quotaKey = 'producer_byte_rate';

/** Keeps rules (where the node has an authorizer) and quotas of users that nobody is. */
export class Rulebook extends Actor {
  readonly #hasRules: boolean;
  readonly #facts = new Map<string, Fact>();

  constructor(name: string, stage: Stage, hasRules: boolean) {
    super(name, stage);
    this.#hasRules = hasRules;
    for (let i = 0; i < ruleCount; i++) this.#facts.set(`rule-${i}`, { kind: 'known', value: null });
    for (const user of users) this.#facts.set(user, { kind: 'known', value: null });
  }

  protected override async act(): Promise<void> {
    const draw = this.stage.random.fraction();
    if (draw < 0.35) await this.#changeRule();
    else if (draw < 0.6) await this.#changeQuota();
    else if (draw < 0.7) await this.#changeWrongly();
    else await this.check();
  }

  /** Compares what the node says with what was confirmed. */
  async check(): Promise<void> {
    const life = this.stage.life();
    const [rules, quotas] = [await this.#rules(), await this.#quotas()];
    if (rules === null || quotas === null || life !== this.stage.life()) return;
    for (const [name, fact] of this.#facts) {
      const isRule = name.startsWith('rule');
      const found = isRule ? (rules.has(name) ? 1 : null) : quotas.get(name) ?? null;
      const may = fact.kind === 'known' ? [fact.value] : fact.values;
      expect(may.includes(found), `${isRule ? 'access rule' : 'quota of'} '${name}' is ${String(found)}, it was confirmed as ${may.map(String).join(' or ')}`);
      if (fact.kind === 'open' && fact.life < life) this.#facts.set(name, { kind: 'known', value: found });
    }
  }

  async #changeRule(): Promise<void> {
    const name = this.#free((one) => one.startsWith('rule'));
    if (name === null) return;
    const present = this.#known(name) !== null;
    this.#open(name, present ? null : 1);
    let errorCode: number;
    if (present) {
      const { filterResults } = await this.stage.client.call(DeleteAcls, 3, { filters: [this.#filter(name)] });
      errorCode = filterResults[0]!.errorCode;
      if (errorCode === 0) expect(filterResults[0]!.matchingAcls.length === 1, `removing '${name}' removed ${filterResults[0]!.matchingAcls.length} rules`);
    } else {
      const rule = { resourceType: topic, resourceName: name, resourcePatternType: literal, principal: 'User:nobody', host: '*', operation: read, permissionType: allow };
      errorCode = (await this.stage.client.call(CreateAcls, 3, { creations: [rule] })).results[0]!.errorCode;
    }
    this.trace(`${present ? 'remove' : 'add'} ${name}: ${errorCode}`);
    this.#answered(name, errorCode, present ? null : 1);
  }

  async #changeQuota(): Promise<void> {
    const name = this.#free((one) => !one.startsWith('rule'));
    if (name === null) return;
    const value = this.#known(name) !== null && this.stage.random.chance(0.4) ? null : this.stage.random.between(1, 1_000_000);
    this.#open(name, value);
    const answer = await this.stage.client.call(AlterClientQuotas, 1, { entries: [{ entity: [{ entityType: 'user', entityName: name }], ops: [{ key: quotaKey, value: value ?? 0, remove: value === null }] }], validateOnly: false });
    const { errorCode } = answer.entries[0]!;
    this.trace(`quota of ${name} = ${String(value)}: ${errorCode}`);
    this.#answered(name, errorCode, value);
  }

  /** A rule without a name, a quota below zero, one that is only tried. */
  async #changeWrongly(): Promise<void> {
    const wrong = await this.stage.client.call(AlterClientQuotas, 1, {
      entries: [{ entity: [{ entityType: 'user', entityName: users[0]! }], ops: [{ key: quotaKey, value: -1, remove: false }] }], validateOnly: false,
    });
    expect(wrong.entries[0]!.errorCode === errorCodes.INVALID_REQUEST, `a quota below zero was answered ${wrong.entries[0]!.errorCode}`);
    const tried = await this.stage.client.call(AlterClientQuotas, 1, { entries: [{ entity: [{ entityType: 'user', entityName: users[1]! }], ops: [{ key: quotaKey, value: 1.5e9, remove: false }] }], validateOnly: true });
    expect(tried.entries[0]!.errorCode === 0, `a quota that is only tried was answered ${tried.entries[0]!.errorCode}`);
    const expected = this.#hasRules ? errorCodes.INVALID_REQUEST : errorCodes.SECURITY_DISABLED;
    const { results } = await this.stage.client.call(CreateAcls, 3, { creations: [{ resourceType: topic, resourceName: '', resourcePatternType: literal, principal: 'User:nobody', host: '*', operation: read, permissionType: allow }] });
    expect(results[0]!.errorCode === expected, `a rule without a name was answered ${results[0]!.errorCode}`);
  }

  /** Names of the rules that there are; null when the node cannot say. */
  async #rules(): Promise<ReadonlySet<string> | null> {
    if (!this.#hasRules) return new Set();
    const { errorCode, resources } = await this.stage.client.call(DescribeAcls, 3, this.#filter(null));
    return passes('DescribeAcls', errorCode) ? null : new Set(resources.map(({ resourceName }) => resourceName));
  }

  async #quotas(): Promise<ReadonlyMap<string, number> | null> {
    const { errorCode, entries } = await this.stage.client.call(DescribeClientQuotas, 1, { components: [], strict: false });
    return passes('DescribeClientQuotas', errorCode) ? null : new Map((entries ?? []).map(({ entity, values }) => [entity[0]!.entityName!, values[0]!.value]));
  }

  #filter(name: string | null) {
    return { resourceTypeFilter: topic, resourceNameFilter: name, patternTypeFilter: literal, principalFilter: 'User:nobody', hostFilter: null, operation: any, permissionType: any };
  }

  /** One whose value is known, of those that may be changed. */
  #free(chosen: (name: string) => boolean): string | null {
    const names = [...this.#facts].filter(([name, { kind }]) => kind === 'known' && chosen(name) && (this.#hasRules || !name.startsWith('rule'))).map(([name]) => name);
    return names.length === 0 ? null : this.stage.random.pick(names);
  }

  #known(name: string): number | null {
    const fact = this.#facts.get(name)!;
    return fact.kind === 'known' ? fact.value : null;
  }

  #open(name: string, value: number | null): void {
    this.#facts.set(name, { kind: 'open', values: [value, this.#known(name)], life: this.stage.life() });
  }

  #answered(name: string, errorCode: number, value: number | null): void {
    if (!passes(`changing '${name}'`, errorCode)) this.#facts.set(name, { kind: 'known', value });
  }
}
