// broker/authorization/rules.ts - the table: what every api needs, and the routes with their guards.
// Owns: that no api is served without a stated rule. Never: the rules themselves (the files of guards).
// T1 With an authorizer a node does not start when it routes an api that has no rule here: a new api is closed until somebody has thought of it.
import { assert } from '../../base/mod.ts';
import { route, type Route } from '../handlers.ts';
import { clusterRules } from './cluster-guards.ts';
import { groupRules } from './group-guards.ts';
import { Asker, type Guard, type GuardParts } from './guard.ts';
import { memberRules } from './member-guards.ts';
import type { Rule } from './rule.ts';
import { topicRules } from './topic-guards.ts';
import { transactionRules } from './transaction-guards.ts';

/** Rules by api key. */
export const rules: ReadonlyMap<number, Rule> = new Map([...topicRules, ...groupRules, ...memberRules, ...transactionRules, ...clusterRules].map((one) => [one.api.key, one]));

/** The routes with their guards before them. */
export function guarded(routes: readonly Route[], parts: GuardParts): Route[] {
  return routes.map((row) => {
    const stated = rules.get(row.api.key);
    assert(stated !== undefined, `T1: ${row.api.name} has a rule in broker/authorization`);
    return typeof stated.guard === 'string' ? row : withGuard(row, stated.guard, parts);
  });
}

function withGuard(row: Route, guard: Guard<any>, parts: GuardParts): Route {
  const { name } = row.api;
  const handle = route(row.api, (request, context) => {
    guard(request, context, new Asker(parts, context.connection, name), (narrowed, completed) => row.handle(narrowed, completed ?? context));
  }).handle;
  return { ...row, handle };
}
