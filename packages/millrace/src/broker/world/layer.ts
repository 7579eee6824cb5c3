// broker/world/layer.ts - what stands between a connection and the handlers while a node plays several brokers or injects faults.
// Owns: the order in which a request meets faults, the wrong broker, an old epoch, and its handler. Never: chance (injector.ts), who leads (cast.ts).
// Y1 A request that is refused is not executed, one that is refused in part is executed for the rest. Y2 Handlers know one broker and epoch 0: what they
// see and say is translated here. Y3 Fetch sessions are not kept (as by a broker whose cache of them is full): every request then names its partitions.
import type { Clock } from '../../os/mod.ts';
import { errorCodes, Fetch, OffsetFetch, OffsetForLeaderEpoch, Produce } from '../../wire/mod.ts';
import type { RequestContext, Route } from '../handlers.ts';
import type { Topics } from '../topics/topics.ts';
import { partitionName } from '../topics/topic-name.ts';
import { cut, HeldAnswers, WorldCall } from './call.ts';
import type { Cast, Coordinated } from './cast.ts';
import type { Fault, Injector, RequestFacts } from './injector.ts';
import type { Release } from './releases.ts';
import { addressed, isRewritten, rewritten, type Rewriting } from './replies.ts';
import { cutItems, cutPartitions, groupsOf, joinAnswers, shapeOf, spoilAnswer, topicsOf, withUnstableOffsets, type Cut, type Fields, type ItemShape, type PartitionShape, type Refusal, type Shape } from './shapes.ts';

/** What a layer works with. */
export interface LayerParts { readonly cast: Cast; readonly release: Release | null; readonly topics: Topics; readonly clock: Clock; injector(): Injector; reserveEpochs(): void }

const noFaults: readonly Fault[] = [];
const sessionless = -1;
/** First version of Fetch with sessions. */
const sessionsSince = 7;

/** Wraps handlers. */
export class Layer {
  readonly #parts: LayerParts;
  readonly #held: HeldAnswers;
  readonly #nameOf = (topicId: string): string | undefined => this.#parts.topics.byId(topicId)?.name;

  constructor(parts: LayerParts) {
    this.#parts = parts;
    this.#held = new HeldAnswers(parts.clock);
  }

  /** The same route, through this layer. */
  wrap(row: Route): Route {
    return { ...row, handle: (request: Fields, context: RequestContext) => this.#handle(row, request, context) };
  }

  close(): void { this.#held.close(); }

  #handle(row: Route, request: Fields, context: RequestContext): void {
    const injector = this.#parts.injector();
    const shape = shapeOf(row.api.key, context.version);
    const faults = injector.isEmpty ? noFaults : injector.decide(this.#facts(row, shape, request, context));
    const call = new WorldCall(context, this.#held);
    const errors: Fault[] = [];
    for (const fault of faults) {
      const { kind, ms = 0 } = fault.rule;
      if (kind === 'cut-before') return cut(context, `${row.api.name} is not begun`);
      if (kind === 'slow') call.holdMs += ms;
      else if (kind === 'throttle') call.throttleMs = Math.max(call.throttleMs, ms);
      else if (kind === 'lose-reply' || kind === 'cut-after') call.end = kind;
      else if (kind === 'error') errors.push(fault);
      else if (kind === 'move-leader') this.#moveLeaders(shape, request, fault);
      else this.#moveCoordinators(shape, request);
    }
    this.#serve(row, shape, request, call, errors);
  }

  #facts(row: Route, shape: Shape | undefined, request: Fields, context: RequestContext): RequestFacts {
    return { apiKey: row.api.key, clientId: context.clientId, topics: () => topicsOf(shape, request, this.#nameOf), groups: () => groupsOf(shape, request) };
  }

  #moveLeaders(shape: Shape | undefined, request: Fields, fault: Fault): void {
    if (shape?.kind !== 'partitions' || shape.server !== 'leader') return;
    const move = (topic: string, index: number): null => {
      if (fault.touchesTopic(topic) && this.#parts.topics.partition(topic, index) !== undefined) this.#parts.cast.moveLeader(topic, index);
      return null;
    };
    cutPartitions(shape, request, this.#nameOf, move);
    this.#parts.reserveEpochs();
  }

  #moveCoordinators(shape: Shape | undefined, request: Fields): void {
    if (shape === undefined || (shape.server !== 'group' && shape.server !== 'transaction')) return;
    for (const name of groupsOf(shape, request)) this.#parts.cast.moveCoordinator(shape.server, name);
  }

  #serve(row: Route, shape: Shape | undefined, given: Fields, call: WorldCall, errors: readonly Fault[]): void {
    const { cast, release } = this.#parts;
    const of: Rewriting = { cast, release, listener: call.connection.listener, request: given, version: call.version };
    const request = cast.isActive ? addressed(row.api, given, of) : given;
    if (isRewritten(row.api) && (cast.isActive || release !== null)) call.change((body) => rewritten(row.api, body, of));
    const seesPartitions = cast.isActive || !this.#parts.injector().isEmpty;
    if (row.api.key === Fetch.key && call.version >= sessionsSince && seesPartitions && !this.#withoutSession(request, call)) return;
    const unstable = row.api.key === OffsetFetch.key ? errors.find(({ errorCode }) => errorCode === errorCodes.UNSTABLE_OFFSET_COMMIT) : undefined;
    if (unstable !== undefined) call.change((body) => withUnstableOffsets(request, body, unstable.errorCode));
    const executed = errors.filter((fault) => fault !== unstable && (fault.rule.executed === true || isMetadataLike(shape)));
    if (executed.length > 0 && shape !== undefined) call.change((body) => spoilAnswer(shape, body, this.#nameOf, (name) => firstError(executed, name)));
    const before = errors.filter((fault) => fault !== unstable && !executed.includes(fault));
    if (shape === undefined) return row.handle(request, call);
    if (shape.kind === 'single') return this.#serveSingle(row, shape, request, call, before);
    this.#serveCut(row, shape, request, call, this.#cut(shape, request, call, before));
  }

  /** Y3. False when the request was answered: it goes on with a session from before. */
  #withoutSession(request: Fields, call: WorldCall): boolean {
    if (request['sessionId'] !== 0) {
      call.reply({ errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0 });
      return false;
    }
    request['sessionEpoch'] = sessionless;
    const { cast } = this.#parts;
    const { version } = cast;
    const node = cast.nodeOf(call.connection.listener);
    const shape = shapeOf(Fetch.key, call.version) as PartitionShape;
    call.change((body) => (version === cast.version ? body : withoutMoved(body, shape, (topic, index) => cast.leaderOf(topic, index) !== node, this.#nameOf)));
    return true;
  }

  #serveSingle(row: Route, shape: Extract<Shape, { kind: 'single' }>, request: Fields, call: WorldCall, errors: readonly Fault[]): void {
    const name = shape.name === undefined ? null : request[shape.name] as string | null;
    const wrong = name === null || shape.server === 'any' ? null : this.#wrongCoordinator(shape.server as Coordinated, name, call);
    const refusal = wrong ?? firstError(errors, '');
    if (refusal === null) return row.handle(request, call);
    call.reply({ ...shape.refused?.(request, call.version), errorCode: refusal.errorCode });
  }

  #cut(shape: PartitionShape | ItemShape, request: Fields, call: WorldCall, errors: readonly Fault[]): Cut {
    const { server } = shape;
    if (shape.kind === 'items') {
      return cutItems(shape, request, (name) => (server === 'any' || server === 'leader' ? null : this.#wrongCoordinator(server, name, call)) ?? (shape.areTopics === true ? firstError(errors, name) : firstError(errors.filter((fault) => fault.touchesGroup(name)), null)));
    }
    if (server === 'leader') return cutPartitions(shape, request, this.#nameOf, (topic, index, partition) => this.#wrongLeader(topic, index, partition, call) ?? firstError(errors, topic));
    const wrong = server === 'any' ? null : this.#wrongCoordinator(server, request[shape.group!] as string, call);
    return cutPartitions(shape, request, this.#nameOf, (topic) => wrong ?? firstError(errors, topic));
  }

  #serveCut(row: Route, shape: PartitionShape | ItemShape, request: Fields, call: WorldCall, { served, refused }: Cut): void {
    if (refused.length === 0) return row.handle(request, call);
    if (row.api.key === Produce.key && request['acks'] === 0) return cut(call, 'a batch with acks=0 was refused');
    if (served === null) return call.reply(this.#withEndpoints(joinAnswers(shape, {}, refused), call));
    if (row.api.key === Fetch.key) served['maxWaitMs'] = 0; // an error is told at once
    call.change((body) => this.#withEndpoints(joinAnswers(shape, body, refused), call));
    row.handle(served, call);
  }

  /** KIP-951: who is told of another leader is told where it is. Versions without that field ignore it. */
  #withEndpoints(body: Fields, call: WorldCall): Fields {
    const { cast } = this.#parts;
    return cast.isActive ? { ...body, nodeEndpoints: cast.nodeIds.map((nodeId) => ({ nodeId, ...cast.address(nodeId, call.connection.listener), rack: null })) } : body;
  }

  #wrongCoordinator(kind: Coordinated, name: string, call: WorldCall): Refusal | null {
    const { cast } = this.#parts;
    if (!cast.isActive) return null;
    const wrong = cast.coordinatorOf(kind, name) !== cast.nodeOf(call.connection.listener) || cast.takeMoved(`${kind} ${name}`);
    return wrong ? { errorCode: errorCodes.NOT_COORDINATOR } : null;
  }

  /** Why this broker does not serve the partition; null when it does, and then its epoch is the one that the handler knows (Y2). */
  #wrongLeader(topic: string, index: number, partition: Fields | number, call: WorldCall): Refusal | null {
    const { cast, topics } = this.#parts;
    if (!cast.isActive || topics.partition(topic, index) === undefined) return null;
    const leaderId = cast.leaderOf(topic, index);
    const leaderEpoch = cast.epochOf(topic, index);
    const refuse = (errorCode: number): Refusal => ({ errorCode, besides: { currentLeader: { leaderId, leaderEpoch } } });
    if (leaderId !== cast.nodeOf(call.connection.listener) || cast.takeMoved(partitionName(topic, index))) return refuse(errorCodes.NOT_LEADER_OR_FOLLOWER);
    if (typeof partition === 'number') return null;
    const asked = partition['currentLeaderEpoch'] as number | undefined;
    if (asked !== undefined && asked >= 0) {
      if (asked < leaderEpoch) return refuse(errorCodes.FENCED_LEADER_EPOCH);
      if (asked > leaderEpoch) return refuse(errorCodes.UNKNOWN_LEADER_EPOCH);
      partition['currentLeaderEpoch'] = 0;
    }
    // Records bear epoch 0: it is the last one with records, whatever later one is asked for.
    if (call.api.key === OffsetForLeaderEpoch.key && partition['leaderEpoch'] > 0 && partition['leaderEpoch'] <= leaderEpoch) partition['leaderEpoch'] = 0;
    return null;
  }
}

/** Metadata looks at topics that nobody named, so an error is put into its answer. */
const isMetadataLike = (shape: Shape | undefined): boolean => shape?.kind === 'items' && shape.areTopics === true && shape.repeated !== undefined;

/** The first error that touches the topic; null for a thing that is no topic, '' for a request as a whole. */
function firstError(errors: readonly Fault[], topic: string | null): Refusal | null {
  for (const fault of errors) if (topic === null || topic === '' || fault.touchesTopic(topic)) return { errorCode: fault.errorCode };
  return null;
}

/** A fetch that waited while a leader moved tells so, as a broker does that stops leading. */
function withoutMoved(body: Fields, shape: PartitionShape, isMoved: (topic: string, index: number) => boolean, nameOf: (topicId: string) => string | undefined): Fields {
  return {
    ...body,
    responses: ((body['responses'] ?? []) as Fields[]).map((topic) => {
      const name = (topic['topic'] as string | undefined) || nameOf(topic['topicId'] as string) || '';
      return { ...topic, partitions: (topic['partitions'] as Fields[]).map((one) => (one['errorCode'] === 0 && isMoved(name, one['partitionIndex'] as number) ? { ...one, ...shape.refused, errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER } : one)) };
    }),
  };
}
