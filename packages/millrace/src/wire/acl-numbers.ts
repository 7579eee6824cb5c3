// wire/acl-numbers.ts - the numbers by which Kafka's messages speak of access rules: kinds of resources, patterns, operations, permissions.
// Owns: the tables and their names, which command lines and records use. Never: what a rule means (broker/authorization).

/** Kinds of resources; 'any' stands in filters only. */
export const aclResources = { any: 1, topic: 2, group: 3, cluster: 4, transactional_id: 5, delegation_token: 6, user: 7 } as const;
/** How a rule's name is compared with a resource's; 'any' and 'match' stand in filters only. */
export const aclPatterns = { any: 1, match: 2, literal: 3, prefixed: 4 } as const;
/** What may be done; 'any' stands in filters only. */
export const aclOperations = {
  any: 1, all: 2, read: 3, write: 4, create: 5, delete: 6, alter: 7, describe: 8, cluster_action: 9, describe_configs: 10, alter_configs: 11, idempotent_write: 12,
  create_tokens: 13, describe_tokens: 14, two_phase_commit: 15,
} as const;
/** What a rule does; 'any' stands in filters only. */
export const aclPermissions = { any: 1, deny: 2, allow: 3 } as const;

/** Names of each. */
export type AclResourceName = keyof typeof aclResources;
/** See aclPatterns. */
export type AclPatternName = keyof typeof aclPatterns;
/** See aclOperations. */
export type AclOperationName = keyof typeof aclOperations;
/** See aclPermissions. */
export type AclPermissionName = keyof typeof aclPermissions;

/** The only resource of the kind 'cluster'. */
export const clusterResourceName = 'kafka-cluster';

/** The name of a number in one of the tables above; undefined when it has none. */
export function aclNumberName<T extends string>(table: Readonly<Record<T, number>>, value: number): T | undefined {
  return (Object.keys(table) as T[]).find((name) => table[name] === value);
}
