// broker/authorization/authorizer.ts - who may do what: the rules of the node, its super users, and the default.
// Owns: the rules, kept as facts of the metadata partition; what was answered from them. Never: requests (guards, routes.ts).
// A1 A rule counts once it is durable; one that is taken back counts no more from then on. A2 What was worked out from older rules is
// dropped with the first change. A3 A super user may do everything, whatever the rules say.
// Records: one per rule under the key 'acl/...' of the metadata partition; docs/formats/metadata-topic.md.
import { limits, MillraceError, type Report } from '../../base/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { aclOperations, aclResources, errorCodes } from '../../wire/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { ConnectionInfo } from '../handlers.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { aclFault, aclKey, aclText, filterFault, passes, readAcl, type Acl, type AclFault, type AclFilter } from './acl.ts';
import { AclIndex } from './acl-index.ts';
import { Audit } from './audit.ts';
import { Permissions } from './permissions.ts';

/** Prefix of the keys of rules in the metadata partition. */
export const aclKeyPrefix = 'acl/';

/** What the authorizer stands on. */
export interface AuthorizerParts {
  readonly metadata: KeyedLog;
  readonly config: NodeConfig;
  readonly clock: Clock;
  readonly report: Report;
}

/** What became of one filter of a deletion. */
export interface Removal { readonly fault: AclFault | null; readonly removed: readonly Acl[] }

const superUserSeparator = ';';

/** The authorizer of a node. */
export class Authorizer {
  readonly #metadata: KeyedLog;
  readonly #index = new AclIndex();
  readonly #superUsers: ReadonlySet<string>;
  readonly #allowedWithoutRules: boolean;
  readonly #audit: Audit;
  /** By principal, then by host. */
  #known = new Map<string, Map<string, Permissions>>();
  /** Answers and principals remembered, bounded together. */
  #knownCount = 0;
  readonly #listeners: (() => void)[] = [];

  /** Null unless the configuration names an authorizer. Brings back every rule. */
  static open(parts: AuthorizerParts): Authorizer | null {
    return (parts.config.text('authorizer.class.name') ?? '') === '' ? null : new Authorizer(parts);
  }

  private constructor({ metadata, config, clock, report }: AuthorizerParts) {
    this.#metadata = metadata;
    this.#superUsers = superUsersOf(config.text('super.users') ?? '');
    this.#allowedWithoutRules = config.boolean('allow.everyone.if.no.acl.found');
    this.#audit = new Audit(report, clock);
    for (const [key, text] of metadata.values) {
      if (!key.startsWith(aclKeyPrefix)) continue;
      const acl = readAcl(text);
      if (acl === null) throw new MillraceError('data-folder-newer', `Cannot start: the access rule '${key}' is not known to this version`, { key });
      this.#index.add(acl);
    }
  }

  /** Calls back whenever rules have changed. */
  onChange(callback: () => void): void {
    this.#listeners.push(callback);
  }

  /** What the client of a connection may do. To be asked for at each request: rules change. */
  permissionsOf({ principal, host }: Pick<ConnectionInfo, 'principal' | 'host'>): Permissions {
    return this.#known.get(principal)?.get(host) ?? this.#newPermissions(principal, host);
  }

  /** Whether the client may do the operation on some resource of the kind, whichever that be. */
  allowsAny(permissions: Permissions, operation: number, resourceType: number): boolean {
    // A name that nobody uses: super users, rules for all, and the default without rules.
    return permissions.allows(operation, resourceType, 'hardcode')
      || permissions.allowsSomewhere(operation, resourceType, () => this.#index.allowsAny(permissions.principal, permissions.host, operation, resourceType));
  }

  /** Notes a refusal for the operator. */
  refused(permissions: Permissions, api: string, operation: number, resourceType: number, name: string): void {
    this.#audit.refused({ principal: permissions.principal, host: permissions.host, operation, resourceType, name, api });
  }

  /** Rules that pass the filter, which has been checked. */
  find(filter: AclFilter): Acl[] {
    const one = exactly(filter);
    if (one !== null) return this.#index.all.has(aclKey(one)) ? [one] : [];
    return [...this.#index.all.values()].filter((acl) => passes(filter, acl));
  }

  /** Creates rules; resolves once they are durable, with a fault or null for each. One that is there already is no fault. */
  async create(acls: readonly Acl[]): Promise<(AclFault | null)[]> {
    const faults = acls.map(aclFault);
    const fresh = new Map<string, Acl>();
    for (const [index, acl] of acls.entries()) if (faults[index] === null && !this.#index.all.has(aclKey(acl))) fresh.set(aclKey(acl), acl);
    const failure = this.#faultOfMany(fresh.size) ?? await this.#write([...fresh.values()], true);
    return faults.map((fault) => fault ?? failure);
  }

  /** Takes back the rules that pass each filter; resolves once that is durable. */
  async remove(filters: readonly AclFilter[]): Promise<Removal[]> {
    const removals = filters.map((filter): Removal => {
      const fault = filterFault(filter);
      return { fault, removed: fault === null ? this.find(filter) : [] };
    });
    const gone = new Map(removals.flatMap(({ removed }) => removed.map((acl) => [aclKey(acl), acl] as const)));
    const failure = tooMany(gone.size) ?? await this.#write([...gone.values()], false);
    return failure === null ? removals : removals.map(({ fault }) => ({ fault: fault ?? failure, removed: [] }));
  }

  /** A1, A2. */
  async #write(acls: readonly Acl[], present: boolean): Promise<AclFault | null> {
    if (acls.length === 0) return null;
    try {
      await this.#metadata.write(acls.map((acl) => ({ key: aclKeyPrefix + aclKey(acl), value: present ? aclText(acl) : null })));
    } catch (error) {
      return { errorCode: storageErrorCode(error), message: (error as Error).message };
    }
    for (const acl of acls) if (present) this.#index.add(acl); else this.#index.remove(acl);
    this.#forget();
    for (const told of this.#listeners) told();
    return null;
  }

  #faultOfMany(count: number): AclFault | null {
    const over = this.#index.all.size + count > limits.broker.aclsMax;
    return tooMany(count) ?? (count > 0 && over ? { errorCode: errorCodes.POLICY_VIOLATION, message: `The node keeps at most ${limits.broker.aclsMax} access rules.` } : null);
  }

  #newPermissions(principal: string, host: string): Permissions {
    this.#count();
    const permissions = new Permissions(principal, host, (operation, resourceType, name) => this.#decide(principal, host, operation, resourceType, name));
    let byHost = this.#known.get(principal);
    if (byHost === undefined) this.#known.set(principal, byHost = new Map());
    byHost.set(host, permissions);
    return permissions;
  }

  #count(): void {
    if (++this.#knownCount > limits.broker.authorizationAnswersMax) this.#forget();
  }

  #forget(): void {
    this.#known = new Map();
    this.#knownCount = 0;
  }

  #decide(principal: string, host: string, operation: number, resourceType: number, name: string): boolean {
    this.#count();
    if (this.#superUsers.has(principal)) return true; // A3
    const verdict = this.#index.verdict(principal, host, operation, resourceType, name);
    return verdict === 'silent' ? this.#allowedWithoutRules : verdict === 'allow';
  }
}

/** The only rule that a filter can mean; null when it may mean several. A tool that takes back many rules names each. */
function exactly({ resourceType, patternType, name, principal, host, operation, permission }: AclFilter): Acl | null {
  if (name === null || principal === null || host === null) return null;
  const acl = { resourceType, patternType, name, principal, host, operation, permission };
  return aclFault(acl) === null ? acl : null;
}

function tooMany(count: number): AclFault | null {
  if (count <= limits.broker.aclChangesMax) return null;
  return { errorCode: errorCodes.POLICY_VIOLATION, message: `Cannot change more than ${limits.broker.aclChangesMax} acls in a single operation.` };
}

function superUsersOf(text: string): ReadonlySet<string> {
  const names = text.split(superUserSeparator).map((name) => name.trim()).filter((name) => name !== '');
  for (const name of names) {
    if (!name.includes(':')) throw new MillraceError('invalid-argument', `Cannot use '${name}' in super.users: a principal has the form User:NAME, several are separated by ';'`, { name });
  }
  return new Set(names);
}

/** Writing on any topic lets an idempotent producer in (KIP-679). */
export const mayWriteSomewhere = (authorizer: Authorizer, permissions: Permissions): boolean => authorizer.allowsAny(permissions, aclOperations.write, aclResources.topic);
