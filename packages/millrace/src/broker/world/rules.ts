// broker/world/rules.ts - what a fault rule is: which requests it is about, what happens to them, and how often.
// Owns: the form of rules and their check. Never: chance and counting (injector.ts), answers (shapes.ts).
import { limits, MillraceError } from '../../base/mod.ts';
import { apis, errorCodes, ImportBatches } from '../../wire/mod.ts';
import { canFail } from './shapes.ts';

/** What a rule does to a request. */
export type FaultKind =
  /** Answers with an error instead of doing the work; with `executed`, after doing it. */
  | 'error'
  /** Does the work at once and answers `ms` later. */
  | 'slow'
  /** Answers, and asks the client to hold back for `ms`, as a quota does; its next answers come no sooner. */
  | 'throttle'
  /** Does the work and ends the connection instead of answering: the client does not know, and does it again. */
  | 'lose-reply'
  /** Ends the connection before anything is done. */
  | 'cut-before'
  /** Ends the connection after the answer has left. */
  | 'cut-after'
  /** Gives the partitions of the request another leader, or the same one anew where there is one broker, with a higher epoch. */
  | 'move-leader'
  /** Gives the group or the transaction of the request another coordinator. */
  | 'move-coordinator';

/** Which requests, what, and how often. Names may end in '*'. All that is given must fit; what is left out fits everything. */
export interface FaultRule {
  readonly kind: FaultKind;
  /** Names of requests, such as 'Produce' or 'Fetch'. Left out: all but those that open a connection. */
  readonly apis?: readonly string[];
  /** Requests about these topics; where it can, a rule touches only their partitions. */
  readonly topics?: readonly string[];
  /** Requests about these groups or transactional ids. */
  readonly groups?: readonly string[];
  readonly clientIds?: readonly string[];
  /** For 'error': Kafka's name, such as 'NOT_LEADER_OR_FOLLOWER'. */
  readonly error?: string;
  /** For 'error': the work is done all the same (default false). */
  readonly executed?: boolean;
  /** For 'slow' and 'throttle'. */
  readonly ms?: number;
  /** Share of the fitting requests, 0 to 1 (default 1). */
  readonly probability?: number;
  /** So many fitting requests are let through first (default 0). */
  readonly after?: number;
  /** At most so often (default: no end). */
  readonly times?: number;
}

/** All faults of a node. The same seed and the same order of requests give the same faults. */
export interface FaultPlan {
  /** Default 1. */
  readonly seed?: number;
  readonly rules: readonly FaultRule[];
}

const kinds: ReadonlySet<string> = new Set<FaultKind>(['error', 'slow', 'throttle', 'lose-reply', 'cut-before', 'cut-after', 'move-leader', 'move-coordinator']);
const fields: ReadonlySet<string> = new Set(['kind', 'apis', 'topics', 'groups', 'clientIds', 'error', 'executed', 'ms', 'probability', 'after', 'times']);
const apiKeys: ReadonlyMap<string, number> = new Map([...apis, ImportBatches].map((api) => [api.name, api.key]));

/** Keys of the apis that a rule names; null when it names none. */
export function keysOf(rule: FaultRule): ReadonlySet<number> | null {
  return rule.apis === undefined ? null : new Set(rule.apis.map((name) => apiKeys.get(name)!));
}

/** Throws 'invalid-argument' for a plan that cannot be carried out; says which rule and why. */
export function checkPlan(plan: FaultPlan): void {
  const refuse = (why: string): never => { throw new MillraceError('invalid-argument', `Cannot use these faults: ${why}`); };
  if (typeof plan !== 'object' || plan === null || !Array.isArray(plan.rules)) refuse('expected { seed?, rules: [...] }');
  for (const name of Object.keys(plan)) if (name !== 'seed' && name !== 'rules') refuse(`'${name}' is not known`);
  if (plan.seed !== undefined && !Number.isInteger(plan.seed)) refuse('the seed is a whole number');
  if (plan.rules.length > limits.world.rulesMax) refuse(`at most ${limits.world.rulesMax} rules`);
  plan.rules.forEach((rule, i) => checkRule(rule, (why) => refuse(`rule ${i + 1}: ${why}`)));
}

function checkRule(rule: FaultRule, refuse: (why: string) => never): void {
  if (typeof rule !== 'object' || rule === null || !kinds.has(rule.kind)) refuse(`kind is one of ${[...kinds].join(', ')}`);
  for (const name of Object.keys(rule)) if (!fields.has(name)) refuse(`'${name}' is not known`);
  for (const name of ['apis', 'topics', 'groups', 'clientIds'] as const) {
    const list: unknown = rule[name];
    if (list !== undefined && !(Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string'))) refuse(`${name} is a list of names`);
  }
  for (const name of rule.apis ?? []) if (!apiKeys.has(name)) refuse(`there is no request '${name}'`);
  checkNumbers(rule, refuse);
  if (rule.kind === 'error') checkError(rule, refuse);
  else if (rule.error !== undefined || rule.executed !== undefined) refuse(`error and executed belong to kind 'error'`);
}

function checkNumbers(rule: FaultRule, refuse: (why: string) => never): void {
  const { probability = 1, after = 0, times = 0, ms } = rule;
  if (!(probability >= 0 && probability <= 1)) refuse('probability is between 0 and 1');
  if (!Number.isInteger(after) || after < 0 || !Number.isInteger(times) || times < 0) refuse('after and times are whole numbers from 0');
  const timed = rule.kind === 'slow' || rule.kind === 'throttle';
  if (timed && !(ms !== undefined && ms > 0 && ms <= limits.world.delayMsMax)) refuse(`ms is more than 0 and at most ${limits.world.delayMsMax}`);
  if (!timed && ms !== undefined) refuse("ms belongs to kinds 'slow' and 'throttle'");
}

function checkError({ apis: names, error }: FaultRule, refuse: (why: string) => never): void {
  if (error === undefined || !Object.hasOwn(errorCodes, error) || error === 'NONE') refuse("error is the name of one of Kafka's errors, such as 'NOT_LEADER_OR_FOLLOWER'");
  if (names === undefined) refuse("a rule of kind 'error' names its apis");
  for (const name of names!) if (!canFail(apiKeys.get(name)!)) refuse(`${name} has no place for an error`);
}
