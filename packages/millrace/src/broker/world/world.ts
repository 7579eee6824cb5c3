// broker/world/world.ts - the world that a node shows its clients: an older release, several brokers, faults. For users' own tests.
// Owns: when the layer stands between connections and handlers, commands from outside. Never: what the layer does.
// O1 A node that plays nothing serves its own routes: the layer is not there. O2 What one process plays is no cluster: all brokers share one log.
import { limits, MillraceError, type Report } from '../../base/mod.ts';
import type { Clock } from '../../os/mod.ts';
import { Router, type ListenerInfo, type Route } from '../handlers.ts';
import type { KeyedLog } from '../keyed-log.ts';
import type { Topics } from '../topics/topics.ts';
import { Cast } from './cast.ts';
import { Injector, type RuleReport } from './injector.ts';
import { Layer } from './layer.ts';
import { lacking, narrowed, releaseOf, type Release } from './releases.ts';
import { checkPlan, type FaultPlan } from './rules.ts';

/** What a node plays; all of it left out, it is what it is. */
export interface WorldOptions {
  /** Release of Apache Kafka whose api versions and features are advertised, such as '3.5'. */
  readonly asKafkaVersion?: string;
  /** Brokers that one process plays (default 1). */
  readonly brokers?: number;
  readonly faults?: FaultPlan;
}

/** What can be told to a world while it runs. */
export type WorldCommand =
  | { readonly kind: 'set'; readonly plan: FaultPlan }
  | { readonly kind: 'clear' }
  | { readonly kind: 'report' }
  | { readonly kind: 'move-leader'; readonly topic: string; readonly partition: number; readonly to?: number }
  | { readonly kind: 'move-coordinator'; readonly of: 'group' | 'transaction'; readonly name: string; readonly to?: number };

/** What was injected since the faults were set. */
export interface FaultReport { readonly seed: number; readonly injected: number; readonly rules: readonly RuleReport[] }

const noPlan: FaultPlan = { rules: [] };

/** One node's world. */
export class World {
  readonly #cast: Cast;
  readonly #release: Release | null;
  readonly #topics: Topics;
  readonly #report: Report;
  readonly #layer: Layer;
  #plan: FaultPlan = noPlan;
  #injector = new Injector(noPlan);
  #routes: readonly Route[] = [];
  #router: Router | null = null;

  private constructor(options: WorldOptions, parts: { nodeId: number; topics: Topics; metadata: KeyedLog; clock: Clock; report: Report }) {
    const { brokers = 1, asKafkaVersion } = options;
    if (!Number.isInteger(brokers) || brokers < 1 || brokers > limits.world.brokersMax) {
      throw new MillraceError('invalid-argument', `Cannot play ${String(brokers)} brokers: 1 to ${limits.world.brokersMax}`, { brokers });
    }
    this.#release = asKafkaVersion === undefined ? null : releaseOf(asKafkaVersion);
    this.#topics = parts.topics;
    this.#report = parts.report;
    this.#cast = new Cast(parts.nodeId, brokers, parts.metadata);
    this.#layer = new Layer({
      cast: this.#cast, release: this.#release, topics: parts.topics, clock: parts.clock, injector: () => this.#injector,
      reserveEpochs: () => { this.#cast.reserveEpochs().catch((error: unknown) => this.#report(`leaders cannot be moved for now: ${String(error)}`, 'warn')); },
    });
  }

  /** Throws 'invalid-argument' for a release, a number of brokers or faults that do not exist. */
  static async open(options: WorldOptions, parts: { nodeId: number; topics: Topics; metadata: KeyedLog; clock: Clock; report: Report }): Promise<World> {
    const world = new World(options, parts);
    if (options.faults !== undefined) await world.command({ kind: 'set', plan: options.faults });
    return world;
  }

  /** Ids of the brokers, the node's own first. */
  get brokerIds(): readonly number[] { return this.#cast.nodeIds; }
  listens(info: ListenerInfo): void { this.#cast.listens(info); }
  close(): void { this.#layer.close(); }

  /** The routes that are advertised and served; says once what the release has and the node lacks. */
  narrow(routes: Route[]): Route[] {
    if (this.#release === null) return routes;
    const missing = lacking(routes, this.#release);
    this.#report(`speaks as Apache Kafka ${this.#release.name}${missing.length === 0 ? '' : `; of what that release advertises it lacks: ${missing.join(', ')}`}`);
    return narrowed(routes, this.#release);
  }

  /** The table that connections look into; it changes with what is played (O1). */
  router(routes: readonly Route[]): Router {
    this.#routes = routes;
    this.#router = new Router(routes, this.#release?.tellsApiVersionsRange ?? true);
    this.#change();
    return this.#router;
  }

  /** Carries out a command. Rejects 'invalid-argument' for one that makes no sense, 'topic-not-found', and what the log says of a write. */
  async command(command: WorldCommand): Promise<FaultReport> {
    switch (command.kind) {
      case 'set': await this.#set(command.plan); break;
      case 'clear': await this.#set(noPlan); break;
      case 'move-leader': await this.#moveLeader(command.topic, command.partition, command.to); break;
      case 'move-coordinator': this.#cast.moveCoordinator(command.of, command.name, command.to); break;
      case 'report': break;
      default: throw new MillraceError('invalid-argument', `Cannot do '${String((command as { kind: unknown }).kind)}': it is no command`);
    }
    this.#change();
    const rules = this.#injector.report();
    return { seed: this.#plan.seed ?? 1, injected: rules.reduce((sum, { injected }) => sum + injected, 0), rules };
  }

  async #set(plan: FaultPlan): Promise<void> {
    checkPlan(plan);
    if (plan.rules.some(({ kind }) => kind === 'move-leader')) await this.#cast.reserveEpochs();
    this.#plan = plan;
    this.#injector = new Injector(plan);
    if (plan.rules.length > 0) this.#report(`injects faults: ${plan.rules.length} rule${plan.rules.length === 1 ? '' : 's'}`, 'warn');
  }

  async #moveLeader(topic: string, partition: number, to: number | undefined): Promise<void> {
    if (this.#topics.partition(topic, partition) === undefined) throw new MillraceError('topic-not-found', `Cannot move '${topic}' ${partition}: no such partition`, { topic, partition });
    await this.#cast.reserveEpochs();
    if (!this.#cast.moveLeader(topic, partition, to)) throw new MillraceError('overloaded', `Cannot move '${topic}' ${partition}: no epoch is reserved yet`);
  }

  #change(): void {
    const plays = this.#cast.isActive || !this.#injector.isEmpty;
    const features = this.#release !== null;
    this.#router?.use(plays || features ? this.#routes.map((row) => this.#layer.wrap(row)) : this.#routes);
  }
}
