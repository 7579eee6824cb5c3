// broker/authorization/routes.ts - DescribeAcls, CreateAcls and DeleteAcls in all their versions.
// Owns: the forms of their answers. Never: rules (authorizer.ts), who may ask (cluster-guards.ts). Without an authorizer there are no rules: clients are told so.
import { CreateAcls, DeleteAcls, DescribeAcls, errorCodes, type RequestOf } from '../../wire/mod.ts';
import { route, type Handler, type Route } from '../handlers.ts';
import { filterFault, type Acl, type AclFilter } from './acl.ts';
import type { Authorizer } from './authorizer.ts';

const disabled = { errorCode: errorCodes.SECURITY_DISABLED, errorMessage: 'No Authorizer is configured.' };

/** Routes for keys 29-31. */
export function authorizationRoutes(authorizer: Authorizer | null): Route[] {
  return [
    route(DescribeAcls, describeAcls(authorizer)),
    route(CreateAcls, createAcls(authorizer)),
    route(DeleteAcls, deleteAcls(authorizer)),
  ];
}

type FilterFields = RequestOf<typeof DescribeAcls>;

function filterOf({ resourceTypeFilter, resourceNameFilter, patternTypeFilter, principalFilter, hostFilter, operation, permissionType }: FilterFields): AclFilter {
  return { resourceType: resourceTypeFilter, patternType: patternTypeFilter, name: resourceNameFilter, principal: principalFilter, host: hostFilter, operation, permission: permissionType };
}

function describeAcls(authorizer: Authorizer | null): Handler<typeof DescribeAcls> {
  return (request, context) => {
    if (authorizer === null) return context.reply({ ...disabled, errorMessage: 'No Authorizer is configured on the broker' });
    const filter = filterOf(request);
    const fault = filterFault(filter);
    if (fault !== null) return context.reply({ errorCode: fault.errorCode, errorMessage: fault.message });
    context.reply({ errorCode: errorCodes.NONE, errorMessage: null, resources: byResource(authorizer.find(filter)) });
  };
}

interface Described { readonly resourceType: number; readonly resourceName: string; readonly patternType: number; readonly acls: ReturnType<typeof entry>[] }

function byResource(acls: readonly Acl[]): Described[] {
  const resources = new Map<string, Described>();
  for (const acl of acls) {
    const key = `${acl.resourceType}/${acl.patternType}/${acl.name}`;
    let resource = resources.get(key);
    if (resource === undefined) resources.set(key, resource = { resourceType: acl.resourceType, resourceName: acl.name, patternType: acl.patternType, acls: [] });
    resource.acls.push(entry(acl));
  }
  return [...resources.values()];
}

const entry = ({ principal, host, operation, permission }: Acl) => ({ principal, host, operation, permissionType: permission });

function createAcls(authorizer: Authorizer | null): Handler<typeof CreateAcls> {
  return ({ creations }, context) => {
    if (authorizer === null) return context.reply({ results: creations.map(() => disabled) });
    const acls = creations.map(({ resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType }): Acl => ({
      resourceType, patternType: resourcePatternType, name: resourceName, principal, host, operation, permission: permissionType,
    }));
    void authorizer.create(acls).then((faults) => context.reply({
      results: faults.map((fault) => ({ errorCode: fault?.errorCode ?? errorCodes.NONE, errorMessage: fault?.message ?? null })),
    }));
  };
}

function deleteAcls(authorizer: Authorizer | null): Handler<typeof DeleteAcls> {
  return ({ filters }, context) => {
    if (authorizer === null) return context.reply({ filterResults: filters.map(() => ({ ...disabled, matchingAcls: [] })) });
    void authorizer.remove(filters.map(filterOf)).then((removals) => context.reply({
      filterResults: removals.map(({ fault, removed }) => ({
        errorCode: fault?.errorCode ?? errorCodes.NONE, errorMessage: fault?.message ?? null,
        matchingAcls: removed.map((acl) => ({ errorCode: errorCodes.NONE, errorMessage: null, resourceType: acl.resourceType, resourceName: acl.name, patternType: acl.patternType, ...entry(acl) })),
      })),
    }));
  };
}
