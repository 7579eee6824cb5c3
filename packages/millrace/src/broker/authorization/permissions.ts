// broker/authorization/permissions.ts - what one principal may do from one host: answers that were worked out once are remembered.
// Owns: the memory of answers. Never: rules (acl-index.ts). The authorizer drops it as a whole when rules change or when it is enough.
// Cost of a known answer: two lookups.
import { limits } from '../../base/mod.ts';
import { aclOperations, aclResources, clusterResourceName } from '../../wire/mod.ts';

/** Works an answer out. */
export type Decide = (operation: number, resourceType: number, name: string) => boolean;

/** The answers for one principal on one host. */
export class Permissions {
  readonly principal: string;
  readonly host: string;
  readonly #decide: Decide;
  /** Whether an operation is allowed on some resource of a kind, by both. */
  readonly #somewhere = new Map<number, boolean>();
  /** By kind of resource and operation, then by name. */
  readonly #known: (Map<string, boolean> | undefined)[] = [];

  constructor(principal: string, host: string, decide: Decide) {
    this.principal = principal;
    this.host = host;
    this.#decide = decide;
  }

  /** Whether the operation is allowed on the resource. */
  allows(operation: number, resourceType: number, name: string): boolean {
    const at = (resourceType << 4) | operation;
    const known = this.#known[at] ??= new Map();
    const answer = known.get(name);
    return answer ?? this.#work(known, operation, resourceType, name);
  }

  /** Whether the operation is allowed on some resource of the kind, as `find` works it out once. */
  allowsSomewhere(operation: number, resourceType: number, find: () => boolean): boolean {
    const at = (resourceType << 4) | operation;
    const known = this.#somewhere.get(at);
    if (known !== undefined) return known;
    const answer = find();
    this.#somewhere.set(at, answer);
    return answer;
  }

  #work(known: Map<string, boolean>, operation: number, resourceType: number, name: string): boolean {
    const answer = this.#decide(operation, resourceType, name);
    if (name.length <= limits.broker.topicNameLengthMax) known.set(name, answer); // longer names are rare, and a client could fill the memory with them
    return answer;
  }
}

const O = aclOperations;

/** Operations that there are on each kind of resource: what the bit fields of descriptions may hold. */
const operationsOf: Readonly<Record<number, readonly number[]>> = {
  [aclResources.topic]: [O.read, O.write, O.create, O.delete, O.alter, O.describe, O.describe_configs, O.alter_configs],
  [aclResources.group]: [O.read, O.delete, O.describe, O.describe_configs, O.alter_configs],
  [aclResources.cluster]: [O.create, O.alter, O.describe, O.cluster_action, O.describe_configs, O.alter_configs, O.idempotent_write],
};

/** The operations allowed on a resource, as Kafka's bit field: 1 << operation. */
export function authorizedOperations(permissions: Permissions, resourceType: number, name: string): number {
  let bits = 0;
  for (const operation of operationsOf[resourceType] ?? []) if (permissions.allows(operation, resourceType, name)) bits |= 1 << operation;
  return bits;
}

/** The same for the cluster: nothing for those who may not describe it. */
export function clusterOperationsOf(permissions: Permissions): number {
  return permissions.allows(O.describe, aclResources.cluster, clusterResourceName) ? authorizedOperations(permissions, aclResources.cluster, clusterResourceName) : 0;
}
