// client/admin/acls.ts - access rules of a cluster: listing, adding, removing.
// Owns: the words for Kafka's numbers. Never: what rules mean: the servers decide.
import type { Deadline } from '../../base/mod.ts';
import {
  aclNumberName, aclOperations, aclPatterns, aclPermissions, aclResources, clusterResourceName, CreateAcls, DeleteAcls, DescribeAcls, type AclOperationName, type AclPatternName,
  type AclPermissionName, type AclResourceName,
} from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';

/** Kinds of resources that rules speak of. */
export type AccessResource = Exclude<AclResourceName, 'any'>;
/** What may be allowed or denied; 'all' is everything. */
export type AccessOperation = Exclude<AclOperationName, 'any'>;

/** One access rule. */
export interface AccessRule {
  /** Default 'allow'. One rule that denies outweighs any that allow. */
  readonly permission?: Exclude<AclPermissionName, 'any'>;
  /** As 'User:alice'; 'User:*' is everybody. */
  readonly principal: string;
  readonly operation: AccessOperation;
  readonly resource: AccessResource;
  /** Name of the resource; '*' is every one of its kind. Default for the cluster: its only name. */
  readonly name?: string;
  /** Default 'literal'; 'prefixed' speaks of all names that begin so. */
  readonly pattern?: Exclude<AclPatternName, 'any' | 'match'>;
  /** Address of the client, or a range such as 10.0.0.0/8 (not on Apache Kafka before KIP-1276); default '*'. */
  readonly host?: string;
}

/** Which rules are meant; what is left out takes all. */
export interface AccessRuleFilter {
  readonly permission?: AclPermissionName;
  readonly principal?: string;
  readonly operation?: AclOperationName;
  readonly resource?: AclResourceName;
  readonly name?: string;
  /** 'match' takes every rule that speaks of a resource of that name, also by a prefix or for all. */
  readonly pattern?: AclPatternName;
  readonly host?: string;
}

interface WireRule { readonly resourceType: number; readonly resourceName: string; readonly patternType: number; readonly principal: string; readonly host: string; readonly operation: number; readonly permissionType: number }

/** Adds rules; one that is there already is no failure. Throws the first failure: the others may have been added. */
export async function createAcls(cluster: Cluster, rules: readonly AccessRule[], deadline: Deadline): Promise<void> {
  if (rules.length === 0) return;
  const creations = rules.map(({ permission = 'allow', principal, operation, resource, name, pattern = 'literal', host = '*' }) => ({
    resourceType: aclResources[resource], resourceName: name ?? (resource === 'cluster' ? clusterResourceName : ''), resourcePatternType: aclPatterns[pattern],
    principal, host, operation: aclOperations[operation], permissionType: aclPermissions[permission],
  }));
  await cluster.call({ kind: 'controller' }, CreateAcls, { creations }, { what: 'create access rules', deadline, idempotent: true }, (answer) => {
    for (const [index, one] of answer.results.entries()) {
      if (one.errorCode !== 0) throw kafkaError(one.errorCode, `create the access rule for '${rules[index]!.principal}'`, { principal: rules[index]!.principal }, one.errorMessage);
    }
  });
}

/** Rules that pass the filter. */
export async function describeAcls(cluster: Cluster, filter: AccessRuleFilter, deadline: Deadline): Promise<Required<AccessRule>[]> {
  return await cluster.call({ kind: 'any' }, DescribeAcls, filterFields(filter), { what: 'list access rules', deadline, idempotent: true }, (answer) => {
    if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, 'list access rules', {}, answer.errorMessage);
    return answer.resources.flatMap(({ resourceType, resourceName, patternType, acls }) => acls.map((acl) => ruleOf({ resourceType, resourceName, patternType, ...acl })));
  });
}

/** Removes the rules that pass any of the filters; resolves to them. */
export async function deleteAcls(cluster: Cluster, filters: readonly AccessRuleFilter[], deadline: Deadline): Promise<Required<AccessRule>[]> {
  if (filters.length === 0) return [];
  return await cluster.call({ kind: 'controller' }, DeleteAcls, { filters: filters.map(filterFields) }, { what: 'remove access rules', deadline, idempotent: false }, (answer) => answer.filterResults.flatMap((result) => {
    if (result.errorCode !== 0) throw kafkaError(result.errorCode, 'remove access rules', {}, result.errorMessage);
    return result.matchingAcls.map((acl) => {
      if (acl.errorCode !== 0) throw kafkaError(acl.errorCode, `remove the access rule for '${acl.principal}'`, { principal: acl.principal }, acl.errorMessage);
      return ruleOf(acl);
    });
  }));
}

function filterFields({ permission = 'any', principal, operation = 'any', resource = 'any', name, pattern = 'any', host }: AccessRuleFilter) {
  return {
    resourceTypeFilter: aclResources[resource], resourceNameFilter: name ?? null, patternTypeFilter: aclPatterns[pattern], principalFilter: principal ?? null, hostFilter: host ?? null,
    operation: aclOperations[operation], permissionType: aclPermissions[permission],
  };
}

/** A word that this client does not know yet is told by its number. */
function ruleOf({ resourceType, resourceName, patternType, principal, host, operation, permissionType }: WireRule): Required<AccessRule> {
  const word = <T extends string>(table: Readonly<Record<T, number>>, value: number): T => aclNumberName(table, value) ?? (`unknown (${value})` as T);
  return {
    permission: word(aclPermissions, permissionType) as 'allow', principal, operation: word(aclOperations, operation) as 'all', resource: word(aclResources, resourceType) as 'topic',
    name: resourceName, pattern: word(aclPatterns, patternType) as 'literal', host,
  };
}
