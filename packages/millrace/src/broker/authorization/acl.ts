// broker/authorization/acl.ts - one access rule: its parts, what is wrong with one, and which filters it passes.
// Owns: checks with Kafka's words, and the text under which a rule is kept. Never: which rules there are (authorizer.ts).
// Numbers are those of the messages (wire/acl-numbers.ts). Format of records: docs/formats/metadata-topic.md.
import { limits } from '../../base/mod.ts';
import {
  aclNumberName, aclOperations, aclPatterns, aclPermissions, aclResources, clusterResourceName, errorCodes, type AclOperationName, type AclPatternName,
  type AclPermissionName, type AclResourceName,
} from '../../wire/mod.ts';
import { hostFault } from './host-pattern.ts';

/** An access rule: the principal may, or may not, do the operation from the host on resources that the pattern names. */
export interface Acl {
  readonly resourceType: number;
  readonly patternType: number;
  readonly name: string;
  /** As 'User:alice'; 'User:*' is everybody. */
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permission: number;
}

/** What of rules is asked for; null and 'any' take all. */
export interface AclFilter {
  readonly resourceType: number;
  readonly patternType: number;
  readonly name: string | null;
  readonly principal: string | null;
  readonly host: string | null;
  readonly operation: number;
  readonly permission: number;
}

/** Why a rule or a filter is refused. */
export interface AclFault { readonly errorCode: number; readonly message: string }

/** The name that stands for every resource, in a literal pattern. */
export const anyName = '*';

const known = (table: Readonly<Record<string, number>>, value: number): boolean => aclNumberName(table, value) !== undefined;
const refused = (message: string): AclFault => ({ errorCode: errorCodes.INVALID_REQUEST, message });
const isAny = 1;

/** Why the rule cannot be created; null when it can. */
export function aclFault({ resourceType, patternType, name, principal, host, operation, permission }: Acl): AclFault | null {
  if (resourceType === aclResources.cluster && name !== clusterResourceName) return refused(`The only valid name for the CLUSTER resource is ${clusterResourceName}`);
  if (name === '') return refused('Invalid empty resource name');
  if (resourceType === isAny || !known(aclResources, resourceType)) return refused(`Invalid resourceType ${resourceType}`);
  if (patternType !== aclPatterns.literal && patternType !== aclPatterns.prefixed) return refused(`Invalid patternType ${patternType}`);
  if (operation === isAny || !known(aclOperations, operation)) return refused(`Invalid operation ${operation}`);
  if (permission !== aclPermissions.allow && permission !== aclPermissions.deny) return refused(`Invalid permissionType ${permission}`);
  if (!principal.includes(':')) return refused(`Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`);
  if (name.length + principal.length + host.length > limits.broker.aclLengthMax) return refused(`An access rule may have ${limits.broker.aclLengthMax} characters at most.`);
  const wrongHost = hostFault(host);
  return wrongHost === null ? null : refused(wrongHost);
}

/** Why the filter cannot be used; null when it can. */
export function filterFault({ resourceType, patternType, operation, permission }: AclFilter): AclFault | null {
  if (!known(aclResources, resourceType) || !known(aclPatterns, patternType)) return refused('Unknown patternFilter.');
  if (!known(aclOperations, operation) || !known(aclPermissions, permission)) return refused('Unknown entryFilter.');
  return null;
}

/** Whether a rule passes a filter. */
export function passes(filter: AclFilter, acl: Acl): boolean {
  return (filter.resourceType === isAny || filter.resourceType === acl.resourceType)
    && passesPattern(filter, acl)
    && (filter.principal === null || filter.principal === acl.principal)
    && (filter.host === null || filter.host === acl.host)
    && (filter.operation === isAny || filter.operation === acl.operation)
    && (filter.permission === isAny || filter.permission === acl.permission);
}

/** 'match' asks for every rule that speaks of a resource of that name; 'any' for those that have this very name. */
function passesPattern({ patternType, name }: AclFilter, acl: Acl): boolean {
  const { any, match, literal } = aclPatterns;
  if (patternType !== any && patternType !== match && patternType !== acl.patternType) return false;
  if (name === null) return true;
  if (patternType !== match) return name === acl.name;
  return acl.patternType === literal ? acl.name === name || acl.name === anyName : name.startsWith(acl.name);
}

/** The same for the same rule, different for any other. */
export function aclKey({ resourceType, patternType, name, principal, host, operation, permission }: Acl): string {
  return JSON.stringify([resourceType, patternType, name, principal, host, operation, permission]);
}

interface AclRecord {
  readonly version: 1;
  readonly resource: AclResourceName; readonly pattern: AclPatternName; readonly name: string;
  readonly principal: string; readonly host: string; readonly operation: AclOperationName; readonly permission: AclPermissionName;
}

/** The value of a rule's record. */
export function aclText({ resourceType, patternType, name, principal, host, operation, permission }: Acl): string {
  const record: AclRecord = {
    version: 1, resource: aclNumberName(aclResources, resourceType)!, pattern: aclNumberName(aclPatterns, patternType)!, name,
    principal, host, operation: aclNumberName(aclOperations, operation)!, permission: aclNumberName(aclPermissions, permission)!,
  };
  return JSON.stringify(record);
}

/** The rule of a record; null when it says what this version does not know. */
export function readAcl(text: string): Acl | null {
  const { version, resource, pattern, name, principal, host, operation, permission } = JSON.parse(text) as AclRecord;
  const acl: Acl = {
    resourceType: aclResources[resource] ?? -1, patternType: aclPatterns[pattern] ?? -1, name, principal, host,
    operation: aclOperations[operation] ?? -1, permission: aclPermissions[permission] ?? -1,
  };
  return version === 1 && aclFault(acl) === null ? acl : null;
}
