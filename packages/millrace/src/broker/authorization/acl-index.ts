// broker/authorization/acl-index.ts - which rules speak of a resource, found by its name, and what they say.
// Owns: the order in which rules count. Never: super users and defaults (authorizer.ts).
// I1 One rule that denies outweighs any that allow. I2 Where rules speak of a resource, and none of the asker, the answer is no; where none
// speaks of it, the default decides. I3 Reading, writing, deleting and altering imply describing, altering configurations implies
// describing them: in rules that allow, not in those that deny.
// Source: what Apache Kafka's StandardAuthorizer does. Cost: one lookup per length of prefix in use; the answers are remembered (permissions.ts).
import { aclOperations, aclPatterns, aclPermissions } from '../../wire/mod.ts';
import { aclKey, anyName, type Acl } from './acl.ts';
import { hostTest, type HostTest } from './host-pattern.ts';

/** What rules say of an action. */
export type Verdict = 'allow' | 'deny' | 'silent';

interface Rule { readonly acl: Acl; readonly onHost: HostTest }

/** The rules of one kind of resource. */
class ResourceRules {
  readonly literal = new Map<string, Map<string, Rule>>();
  readonly prefixed = new Map<string, Map<string, Rule>>();
  /** Lengths of the prefixes, each with how many prefixes have it. */
  readonly prefixLengths = new Map<number, number>();
}

const everybody = 'User:*';
const { all, describe, describe_configs } = aclOperations;
const impliesDescribe: ReadonlySet<number> = new Set([describe, aclOperations.read, aclOperations.write, aclOperations.delete, aclOperations.alter]);
const impliesDescribeConfigs: ReadonlySet<number> = new Set([describe_configs, aclOperations.alter_configs]);
const none: ReadonlyMap<string, Rule> = new Map();

/** Rules by kind and name of resource. */
export class AclIndex {
  readonly #byType = new Map<number, ResourceRules>();
  readonly #all = new Map<string, Acl>();

  /** Every rule by its key. */
  get all(): ReadonlyMap<string, Acl> { return this.#all; }

  add(acl: Acl): void {
    const key = aclKey(acl);
    if (this.#all.has(key)) return;
    this.#all.set(key, acl);
    let rules = this.#byType.get(acl.resourceType);
    if (rules === undefined) this.#byType.set(acl.resourceType, rules = new ResourceRules());
    const byName = acl.patternType === aclPatterns.prefixed ? rules.prefixed : rules.literal;
    let named = byName.get(acl.name);
    if (named === undefined) {
      byName.set(acl.name, named = new Map());
      if (byName === rules.prefixed) rules.prefixLengths.set(acl.name.length, (rules.prefixLengths.get(acl.name.length) ?? 0) + 1);
    }
    named.set(key, { acl, onHost: hostTest(acl.host) });
  }

  remove(acl: Acl): void {
    const key = aclKey(acl);
    if (!this.#all.delete(key)) return;
    const rules = this.#byType.get(acl.resourceType)!;
    const byName = acl.patternType === aclPatterns.prefixed ? rules.prefixed : rules.literal;
    const named = byName.get(acl.name)!;
    named.delete(key);
    if (named.size > 0) return;
    byName.delete(acl.name);
    if (byName === rules.literal) return;
    const left = rules.prefixLengths.get(acl.name.length)! - 1;
    if (left === 0) rules.prefixLengths.delete(acl.name.length);
    else rules.prefixLengths.set(acl.name.length, left);
  }

  /** What the rules say of this action on the resource of that kind and name. */
  verdict(principal: string, host: string, operation: number, resourceType: number, name: string): Verdict {
    let verdict: Verdict = 'silent';
    for (const named of this.#speakingOf(resourceType, name)) {
      for (const rule of named.values()) {
        if (!speaksOf(rule, principal, host, operation)) { if (verdict === 'silent') verdict = 'deny'; continue; }
        if (rule.acl.permission === aclPermissions.deny) return 'deny';
        verdict = 'allow';
      }
    }
    return verdict;
  }

  /** Whether the rules allow an action on at least one resource of a kind that could be named, though others be denied. */
  allowsAny(principal: string, host: string, operation: number, resourceType: number): boolean {
    const rules = this.#byType.get(resourceType);
    if (rules === undefined) return false;
    const mine = (rule: Rule, permission: number) => rule.acl.permission === permission && isOf(rule, principal, host) && (rule.acl.operation === operation || rule.acl.operation === all);
    const names = (byName: Map<string, Map<string, Rule>>, permission: number) => new Set([...byName].filter(([, named]) => [...named.values()].some((rule) => mine(rule, permission))).map(([name]) => name));
    const denied = { literal: names(rules.literal, aclPermissions.deny), prefixed: names(rules.prefixed, aclPermissions.deny) };
    if (denied.literal.has(anyName)) return false;
    const allowed = { literal: names(rules.literal, aclPermissions.allow), prefixed: names(rules.prefixed, aclPermissions.allow) };
    if (allowed.literal.has(anyName)) return true;
    const isUnderDenial = (name: string) => [...denied.prefixed].some((prefix) => name.startsWith(prefix));
    return [...allowed.prefixed].some((name) => !isUnderDenial(name)) || [...allowed.literal].some((name) => !denied.literal.has(name) && !isUnderDenial(name));
  }

  *#speakingOf(resourceType: number, name: string): Generator<ReadonlyMap<string, Rule>> {
    const rules = this.#byType.get(resourceType);
    if (rules === undefined) return;
    yield rules.literal.get(name) ?? none;
    if (name !== anyName) yield rules.literal.get(anyName) ?? none;
    for (const length of rules.prefixLengths.keys()) if (length <= name.length) yield rules.prefixed.get(name.slice(0, length)) ?? none;
  }
}

function speaksOf(rule: Rule, principal: string, host: string, operation: number): boolean {
  return isOf(rule, principal, host) && covers(rule.acl, operation);
}

function isOf({ acl, onHost }: Rule, principal: string, host: string): boolean {
  return (acl.principal === principal || acl.principal === everybody) && onHost(host);
}

/** I3. */
function covers(acl: Acl, operation: number): boolean {
  if (acl.operation === all || acl.operation === operation) return true;
  if (acl.permission === aclPermissions.deny) return false;
  if (operation === describe) return impliesDescribe.has(acl.operation);
  return operation === describe_configs && impliesDescribeConfigs.has(acl.operation);
}
