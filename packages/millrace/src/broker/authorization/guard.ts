// broker/authorization/guard.ts - what stands before a handler when there is an authorizer: lets through, refuses, or lets a part through.
// Owns: the types of guards, and how an answer is completed by what the guard refused. Never: which operation a request needs (the files of guards).
// U1 A guard calls `pass` or answers, once. U2 What a handler is given is only what the client may do; what was refused is added to its answer.
// Cost: nothing without an authorizer: guards are then not in the routes at all.
import { aclOperations, aclResources, clusterResourceName, errorCodes, type Api, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { ConnectionInfo, RequestContext } from '../handlers.ts';
import type { Topics } from '../topics/topics.ts';
import { mayWriteSomewhere, type Authorizer } from './authorizer.ts';
import { authorizedOperations, clusterOperationsOf, type Permissions } from './permissions.ts';

/** What a guard looks things up in. */
export interface GuardParts { readonly authorizer: Authorizer; readonly topics: Topics; readonly config: NodeConfig }

/** Hands a request on, as it is or less what is refused; `context` where the answer must be completed. */
export type Pass<A extends Api<any, any>> = (request: RequestOf<A>, context?: RequestContext<A>) => void;

/** Judges the requests of one api. */
export type Guard<A extends Api<any, any>> = (request: RequestOf<A>, context: RequestContext<A>, client: Asker, pass: Pass<A>) => void;

/** Who asks, and what that client may do. */
export class Asker {
  readonly #parts: GuardParts;
  readonly #api: string;
  readonly permissions: Permissions;

  constructor(parts: GuardParts, connection: ConnectionInfo, api: string) {
    this.#parts = parts;
    this.#api = api;
    this.permissions = parts.authorizer.permissionsOf(connection);
  }

  get topics(): Topics { return this.#parts.topics; }
  get config(): NodeConfig { return this.#parts.config; }

  /** Whether the operation is allowed, without a word about it: for lists that leave out what may not be seen, and where another right will do. */
  could(operation: number, resourceType: number, name: string): boolean {
    return this.permissions.allows(operation, resourceType, name);
  }

  /** Whether the operation is allowed; a refusal is told to the operator. */
  may(operation: number, resourceType: number, name: string): boolean {
    if (this.permissions.allows(operation, resourceType, name)) return true;
    this.#parts.authorizer.refused(this.permissions, this.#api, operation, resourceType, name);
    return false;
  }

  mayTopic(operation: number, name: string): boolean { return this.may(operation, aclResources.topic, name); }
  mayGroup(operation: number, name: string): boolean { return this.may(operation, aclResources.group, name); }
  mayTransaction(operation: number, name: string): boolean { return this.may(operation, aclResources.transactional_id, name); }
  mayCluster(operation: number): boolean { return this.may(operation, aclResources.cluster, clusterResourceName); }
  couldCluster(operation: number): boolean { return this.could(operation, aclResources.cluster, clusterResourceName); }

  /** Whether an idempotent producer may begin: by a right of its own, or because it may write to some topic. */
  mayBeginProducer(): boolean {
    return this.couldCluster(aclOperations.idempotent_write) || mayWriteSomewhere(this.#parts.authorizer, this.permissions) || this.mayCluster(aclOperations.idempotent_write);
  }

  /** Bit fields for descriptions. */
  topicOperations(name: string): number { return authorizedOperations(this.permissions, aclResources.topic, name); }
  groupOperations(name: string): number { return authorizedOperations(this.permissions, aclResources.group, name); }
  clusterOperations(): number { return clusterOperationsOf(this.permissions); }
}

/** A context whose answer is changed on its way out. */
export function completing<A extends Api<any, any>>(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>): RequestContext<A> {
  return new CompletedContext(context, change);
}

class CompletedContext<A extends Api<any, any>> implements RequestContext<A> {
  readonly #context: RequestContext<A>;
  readonly #change: (body: ResponseInit<A>) => ResponseInit<A>;

  constructor(context: RequestContext<A>, change: (body: ResponseInit<A>) => ResponseInit<A>) {
    this.#context = context;
    this.#change = change;
  }

  get api(): A { return this.#context.api; }
  get version(): number { return this.#context.version; }
  get correlationId(): number { return this.#context.correlationId; }
  get clientId(): string | null { return this.#context.clientId; }
  get connection(): ConnectionInfo { return this.#context.connection; }
  get frameBytes(): number { return this.#context.frameBytes; }
  get parkedMs(): number { return this.#context.parkedMs; }
  set parkedMs(ms: number) { this.#context.parkedMs = ms; }
  reply(body: ResponseInit<A>, onSent?: () => void): void { this.#context.reply(this.#change(body), onSent); }
  replyNothing(): void { this.#context.replyNothing(); }
}

/** A list in two: what passes and what does not, each in its order. */
export function divide<T>(list: readonly T[], passes: (one: T) => boolean): { readonly allowed: T[]; readonly refused: T[] } {
  const allowed: T[] = [];
  const refused: T[] = [];
  for (const one of list) (passes(one) ? allowed : refused).push(one);
  return { allowed, refused };
}

/** How a request over a list is let through in part. */
export interface Division<A extends Api<any, any>, T> {
  readonly list: readonly T[];
  readonly passes: (one: T) => boolean;
  /** The request with only these. */
  readonly narrowed: (allowed: T[]) => RequestOf<A>;
  /** The answer, or an empty one, with what must be said of the refused. */
  readonly completed: (body: ResponseInit<A>, refused: readonly T[]) => ResponseInit<A>;
}

/** Lets the allowed part of a list through and completes the answer; a request of which nothing is allowed does not reach its handler. */
export function passAllowed<A extends Api<any, any>, T>(request: RequestOf<A>, context: RequestContext<A>, pass: Pass<A>, { list, passes, narrowed, completed }: Division<A, T>): void {
  const { allowed, refused } = divide(list, passes);
  if (refused.length === 0) return pass(request);
  if (allowed.length === 0) return context.reply(completed({} as ResponseInit<A>, refused));
  pass(narrowed(allowed), completing(context, (body) => completed(body, refused)));
}

/** Entries that stand more than once in a list: the handler tells what is wrong with them. */
export function repeatedIn<T>(list: readonly T[]): ReadonlySet<T> {
  const seen = new Set<T>();
  return new Set(list.filter((one) => seen.has(one) || !seen.add(one)));
}

/** Kafka's words for each refusal. */
export const refusals = {
  topic: { errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Topic authorization failed.' },
  group: { errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED, errorMessage: 'Group authorization failed.' },
  cluster: { errorCode: errorCodes.CLUSTER_AUTHORIZATION_FAILED, errorMessage: 'Cluster authorization failed.' },
  transaction: { errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, errorMessage: 'Transactional Id authorization failed.' },
} as const;
