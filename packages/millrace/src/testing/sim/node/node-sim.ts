// testing/sim/node/node-sim.ts - a whole node and its clients under faults, from one seed.
// Owns: the lives of the node, the cast of clients, what is checked between lives and in the end. Never: the truth about records
// (history.ts), the drive's faults (drive-faults.ts), the network's (net-faults.ts).
import { isMillraceError } from '../../../base/mod.ts';
import type { RunningNode } from '../../../node/mod.ts';
import { CreateTopics } from '../../../wire/mod.ts';
import type { FakeDevice } from '../../fake-device.ts';
import type { FakeRandom } from '../../fake-random.ts';
import type { Hosted, World } from '../../world.ts';
import type { Coverage } from '../coverage.ts';
import { expectSound, openFilesOf } from '../backups.ts';
import { armDrive, cutPower, disarmDrive } from '../drive-faults.ts';
import { drawPlan, fileKind } from '../fault-plan.ts';
import type { LifePlan } from '../fault-plan.ts';
import { Violation, expect } from '../log-model.ts';
import type { FoundRecord } from '../sim-batch.ts';
import { passes } from './actor.ts';
import type { Actor, Stage } from './actor.ts';
import { Admin } from './admins.ts';
import { Committer } from './committers.ts';
import { checkShared, ConsumerActor, ConsumerGroupTruth } from './consumer-members.ts';
import { PartitionHistory } from './history.ts';
import { GroupReadings, OwnMember, OwnProducer } from './own-clients.ts';
import type { Promised } from './history.ts';
import { armNet, disarmNet } from './net-faults.ts';
import { IdempotentProducer, PlainProducer } from './producers.ts';
import { Profiles } from './profiles.ts';
import type { Target } from './producers.ts';
import { RawClient } from './raw-client.ts';
import { Reader, fetchOnce, listOffset } from './readers.ts';
import { Racer } from './racers.ts';
import { Rulebook } from './rulebooks.ts';
import { Queue } from './queue.ts';
import { Settings } from './settings.ts';
import { checkQueue, readDeadLetters, Sharer } from './sharers.ts';
import { startSimNode } from './sim-node.ts';
import type { NodeSizes } from './sim-node.ts';
import { Stranger } from './strangers.ts';
import { Warden } from './wardens.ts';
import { HistoryRecorder } from '../../histories/mod.ts';
import { CommittedReader, judgeLedger, type LedgerTopic } from './committed-readers.ts';
import { Transactor, type TransactorKind } from './transactors.ts';

const address = { host: 'broker', port: 9092 };
const lifeMaxMs = 3000;
const eventsMax = 1_000_000;
/** Past every session and wait of the clients: what they left waiting in a group has been answered. */
const sessionMaxMs = 30_000;
const minuteMs = 60_000;
const shortLocks = { 'group.share.min.record.lock.duration.ms': '1000' };

/** Who works: clients of every kind, or those of transactions alone, more of them. */
export type Cast = 'all' | 'transactions';

/** Runs one seed at the level of whole nodes. Throws a Violation, or whatever node or clients threw. */
export async function simulateNode(world: World, coverage: Coverage, cast: Cast = 'all'): Promise<void> {
  const random = world.random.fork('node simulation');
  const plan = drawPlan(random.fork('plan'), lifeMaxMs);
  const sim = new NodeSimulation(world, coverage, random, cast);
  await sim.begin();
  for (const life of plan.lives) await sim.live(life);
  if (plan.flipBits > 0 && sim.flipBit()) return await sim.liveDamaged();
  await sim.liveToTheEnd();
}

class NodeSimulation {
  readonly #world: World;
  readonly #coverage: Coverage;
  readonly #random: FakeRandom;
  readonly #device: FakeDevice;
  readonly #targets: Target[] = [];
  readonly #actors: Actor[] = [];
  readonly #committers: Committer[] = [];
  readonly #transactors: Transactor[] = [];
  readonly #ledger: LedgerTopic;
  readonly #queue: Queue;
  readonly #jobs: Target[] = [];
  readonly #cast: Cast;
  /** What every life has in its configuration: half of the nodes check access rules; the clients are then super users. */
  readonly #config: Readonly<Record<string, string>>;
  /** What is compared once all clients are at rest. */
  readonly #closing: (() => Promise<void>)[] = [];
  readonly #clientHosts: string[] = [];
  readonly #inspector: RawClient;
  readonly #sizes: NodeSizes;
  #lives = 0;
  #resting = false;
  #finding: Error | null = null;

  constructor(world: World, coverage: Coverage, random: FakeRandom, cast: Cast) {
    this.#world = world;
    this.#cast = cast;
    let moment = 0; // one after the other, also what happens at the same virtual time
    this.#ledger = { topic: 'ledger', partitions: 3, history: new HistoryRecorder(() => moment++) };
    this.#coverage = coverage;
    this.#random = random;
    this.#device = world.device('drive');
    this.#sizes = { tailBytes: random.pick([64, 256, 1024]) * 1024, journalFileBytes: random.pick([64, 256, 1024]) * 1024 };
    this.#queue = new Queue({ topic: 'jobs', deadTopic: 'dlq.jobs', group: 'workers', partitions: 2, deliveriesMax: random.pick([2, 5, 10]), lockMs: 1000 });
    world.net.onEvent = (event) => {
      world.trace(`net ${event}`);
      if (event !== 'connect') coverage.met(`network: ${event}`, 'connections');
    };
    this.#config = random.fork('config').chance(0.5) ? { 'authorizer.class.name': 'acls', 'super.users': 'User:ANONYMOUS' } : {};
    this.#inspector = new RawClient('inspector', world.start('inspector', 'inspector').machine, address);
  }

  /** The first life: a healthy one, in which the topics are made and the clients begin. */
  async begin(): Promise<void> {
    const hosted = this.#host();
    const node = await this.#startNode(hosted);
    expect(node !== null, 'a node starts on an empty drive');
    if (this.#cast === 'all') {
      await this.#createTopic('orders', 3, 'synced');
      await this.#createTopic('clicks', 2, 'page-cache');
      await this.#createTopic('settings', 1, 'synced', []);
    }
    await this.#createLedger();
    if (this.#cast === 'all') {
      await this.#createQueue();
      await this.#createProfiles();
      this.#castActors();
    }
    this.#castTransactors();
    await this.#world.time.advance(this.#random.between(10, 500));
    hosted.process.kill();
  }

  /** One life with faults. */
  async live(plan: LifePlan): Promise<void> {
    const hosted = this.#host();
    this.#isolateClients();
    armDrive(this.#world, this.#device, hosted.process, plan, this.#coverage);
    const node = await this.#startNode(hosted);
    if (node !== null && await this.#inspect(hosted)) await this.#work(hosted, node, plan);
    this.#world.trace(hosted.process.alive ? 'killed at the end of its time' : 'dead');
    hosted.process.kill();
    disarmDrive(this.#device);
    disarmNet(this.#world);
    if (plan.end.kind === 'kill' && plan.end.power === 'cut') cutPower(this.#world, this.#device, this.#coverage);
  }

  /** The last life: no faults; the clients bring to an end what they have under way, and everything is compared. */
  async liveToTheEnd(): Promise<void> {
    const hosted = this.#host();
    this.#isolateClients();
    const node = await this.#startNode(hosted);
    expect(node !== null, 'a node starts on a healthy drive');
    await this.#settle(this.#compareAll());
    this.#world.net.healAll();
    this.#resting = true;
    await this.#settle(Promise.all(this.#actors.map((actor) => actor.rest())).then(() => undefined));
    await this.#settle(this.#compareAll());
    for (const committer of this.#committers) await this.#settle(committer.check());
    for (const check of this.#closing) await this.#settle(check());
    if (this.#cast === 'all') await this.#checkQueue();
    await this.#settle(judgeLedger(this.#inspector, this.#ledger, this.#transactors.map(({ group }) => group)));
    await this.#letGo(hosted, node);
    if (this.#random.chance(0.3)) await this.#liveLong();
  }

  /** A life in which nobody does anything: committed offsets are kept for an hour, and not for two; everything else for ever. */
  async #liveLong(): Promise<void> {
    const hosted = this.#host();
    const node = await this.#startNode(hosted, { config: { 'offsets.retention.minutes': '60' } });
    expect(node !== null, 'a node starts on a healthy drive');
    await this.#world.time.advance(40 * minuteMs);
    for (const committer of this.#committers) await this.#settle(committer.check());
    await this.#world.time.advance(60 * minuteMs);
    for (const committer of this.#committers) await this.#settle(committer.checkExpired());
    await this.#settle(this.#compareAll());
    await this.#letGo(hosted, node);
  }

  /** Once all clients have gone, the node holds nothing for them; once it is closed, it holds nothing at all. */
  async #letGo(hosted: Hosted, node: RunningNode): Promise<void> {
    for (const actor of this.#actors) await this.#settle(actor.end());
    this.#inspector.drop();
    await this.#world.time.advance(sessionMaxMs);
    const { requestBytes, responseBytes } = node.broker.memory;
    expect(node.broker.connections.open === 0, `${node.broker.connections.open} connections are open, and nobody is there`);
    expect(requestBytes === 0 && responseBytes === 0, `${requestBytes} bytes of requests and ${responseBytes} of answers are held, and nobody is there`);
    expect(node.log.stats().readBytes === 0, `${node.log.stats().readBytes} bytes that were read are held, and nobody is there`);
    await this.#settle(node.close());
    expect(openFilesOf(hosted.machine.disk) === 0, `a closed node has ${openFilesOf(hosted.machine.disk)} files open`);
    expect(hosted.process.pending === 0, `a closed node has ${hosted.process.pending} timers set`);
    hosted.process.kill();
    const check = this.#world.start('check', 'host', this.#device);
    await this.#settle(expectSound(check.machine.disk, 'what is left'));
    check.process.kill();
  }

  /** Flips one bit of the folder. */
  flipBit(): boolean {
    const files = this.#device.names.files().filter(([, image]) => image.size > 0);
    if (files.length === 0) return false;
    const [path, image] = this.#random.pick(files);
    const position = this.#random.below(image.size);
    this.#device.flipBit(path, position, this.#random.below(8));
    this.#world.trace(`flip a bit of ${path} at ${position}`);
    this.#coverage.met('bit flipped', fileKind(path));
    return true;
  }

  /** After a flipped bit: refusals are right, less data is right; other data than was sent is not. */
  async liveDamaged(): Promise<void> {
    const hosted = this.#host();
    this.#isolateClients();
    const node = await this.#startNode(hosted, { damaged: true });
    if (node === null) return;
    for (const target of this.#targets) await this.#settle(this.#readWhatIsLeft(target));
    hosted.process.kill();
  }

  #host(): Hosted {
    this.#lives++;
    return this.#world.start('node', 'broker', this.#device);
  }

  /** Null when it died on the way, or refused for a reason that the faults explain. */
  async #startNode(hosted: Hosted, options: { damaged?: boolean; config?: Record<string, string> } = {}): Promise<RunningNode | null> {
    let outcome: { node: RunningNode } | { error: unknown } | null = null;
    const told = { report: (line: string) => this.#world.trace(`node says: ${line}`), fatal: (error: unknown) => this.#found(error) };
    startSimNode(hosted.machine, address, { ...this.#sizes, config: { ...shortLocks, 'log.cleaner.backoff.ms': '50', ...this.#config, ...options.config } }, told)
      .then((node) => { outcome = { node }; }, (error: unknown) => { outcome = { error }; });
    await this.#run({ when: () => outcome !== null || !hosted.process.alive });
    if (!hosted.process.alive) return null;
    expect(outcome !== null, 'starting a node comes to an end');
    const ended = outcome as { node: RunningNode } | { error: unknown };
    if ('node' in ended) return ended.node;
    const { error } = ended;
    if (!isMillraceError(error)) throw error;
    this.#world.trace(`start refused: ${error.code} ${error.message}`);
    const explained = options.damaged || error.code === 'storage-failed' || error.code === 'disk-full' && this.#device.faults.capacityBytes < Infinity;
    expect(explained, `the node refused to start with '${error.code}' (${error.message}) and no fault explains it`);
    return null;
  }

  /** Lets everybody work until the node dies or its time is over. */
  async #work(hosted: Hosted, node: RunningNode, plan: LifePlan): Promise<void> {
    this.#world.net.healAll();
    armNet(this.#world, hosted.process, this.#random.fork(`net ${this.#lives}`), this.#clientHosts, this.#coverage);
    await this.#run({ untilMs: this.#world.time.nowMs + plan.maxMs, when: () => !hosted.process.alive });
    if (!hosted.process.alive || plan.end.kind !== 'close') return;
    disarmDrive(this.#device);
    disarmNet(this.#world);
    await this.#settle(node.close());
    this.#world.trace('closed');
  }

  /** While the clients cannot reach the node: compares all it holds. False when it died meanwhile or its drive does not answer: then this life ends here. */
  async #inspect(hosted: Hosted): Promise<boolean> {
    let ended = false;
    let failure: unknown = null;
    this.#compareAll().then(() => { ended = true; }, (error: unknown) => { ended = true; failure = error; });
    await this.#run({ when: () => ended || !hosted.process.alive });
    if (!hosted.process.alive) {
      this.#inspector.drop();
      await this.#run({ when: () => ended });
      return false;
    }
    if (failure instanceof InspectionPut) return false;
    if (failure !== null) throw failure;
    return true;
  }

  async #compareAll(): Promise<void> {
    this.#inspector.drop(); // what it had belongs to an earlier life
    for (const target of this.#targets) {
      const found = await this.#readWhole(target);
      if (target.history.promised === 'page-cache') target.history.tailLost(found.end);
      target.history.checkAll(found.start, found.end, found.records);
    }
  }

  async #readWhole(target: Target): Promise<{ start: number; end: number; records: FoundRecord[] }> {
    const start = await this.#bound(target, -2);
    const end = await this.#bound(target, -1);
    const records: FoundRecord[] = [];
    for (let offset = start; offset < end;) {
      const fetched = await this.#orPut(fetchOnce(this.#inspector, target, offset, { waitMs: 0, bytesMax: 1 << 20 }));
      if (passes('Fetch', fetched.errorCode)) throw new InspectionPut();
      expect(fetched.records.length > 0, `${target.history.name}: nothing at ${offset} of ${start}..${end}`);
      records.push(...fetched.records.filter((record) => record.offset >= offset && record.offset < end));
      offset = fetched.next;
    }
    return { start, end, records };
  }

  async #bound(target: Target, timestamp: -1 | -2): Promise<number> {
    const offset = await this.#orPut(listOffset(this.#inspector, target, timestamp));
    if (offset === null) throw new InspectionPut();
    return offset;
  }

  async #orPut<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      if (isMillraceError(error, 'disconnected') || isMillraceError(error, 'timeout')) throw new InspectionPut();
      throw error;
    }
  }

  async #readWhatIsLeft(target: Target): Promise<void> {
    try {
      const { records } = await this.#readWhole(target);
      target.history.read(records);
    } catch (error) {
      if (error instanceof Violation && !/was answered|nothing at|different/.test(error.message)) throw error;
      this.#world.trace(`${target.history.name}: ${String(error)}`);
    }
  }

  async #createTopic(name: string, partitions: number, promised: Promised, configs = this.#topicConfigs(promised)): Promise<void> {
    const answer = await this.#settle(this.#inspector.call(CreateTopics, 7, { topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }], timeoutMs: 5000 }));
    expect(answer.topics[0]!.errorCode === 0, `topic '${name}' was answered ${answer.topics[0]!.errorCode} ${String(answer.topics[0]!.errorMessage)}`);
    for (let partition = 0; partition < partitions; partition++) this.#targets.push({ topic: name, partition, history: new PartitionHistory(`${name}-${partition}`, promised) });
  }

  /** Its records are checked by transactions, not one by one. */
  async #createLedger(): Promise<void> {
    const { topic: name, partitions } = this.#ledger;
    const configs = this.#topicConfigs(this.#random.chance(0.3) ? 'page-cache' : 'synced');
    const answer = await this.#settle(this.#inspector.call(CreateTopics, 7, { topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }], timeoutMs: 5000 }));
    expect(answer.topics[0]!.errorCode === 0, `topic '${name}' was answered ${answer.topics[0]!.errorCode}`);
  }

  /** Its records are worked on by a share group; dead letters are counted, not followed. */
  async #createQueue(): Promise<void> {
    const { topic, partitions, deadTopic } = this.#queue;
    const before = this.#targets.length;
    await this.#createTopic(topic, partitions, 'synced');
    this.#jobs.push(...this.#targets.slice(before));
    const configs = [{ name: 'errors.deadletterqueue.group.enable', value: 'true' }];
    const answer = await this.#settle(this.#inspector.call(CreateTopics, 7, { topics: [{ name: deadTopic, numPartitions: 1, replicationFactor: 1, assignments: [], configs }], timeoutMs: 5000 }));
    expect(answer.topics[0]!.errorCode === 0, `topic '${deadTopic}' was answered ${answer.topics[0]!.errorCode}`);
  }

  /** Once the share group has nothing left to do. */
  async #checkQueue(): Promise<void> {
    const letters = await this.#settle(readDeadLetters(this.#inspector, this.#queue));
    const found: FoundRecord[][] = [];
    for (const target of this.#jobs) found.push((await this.#settle(this.#readWhole(target))).records);
    checkQueue(this.#queue, found, letters);
  }

  /** A compacted table: compaction looks for work all the time, and drops as early as it may. */
  async #createProfiles(): Promise<void> {
    const of = (name: string, values: readonly (string | number)[]) => ({ name, value: String(this.#random.pick(values)) });
    const configs = [
      { name: 'cleanup.policy', value: 'compact' }, of('segment.ms', [20, 200]), of('min.cleanable.dirty.ratio', [0, 0.3]), of('delete.retention.ms', [0, 300, 86_400_000]), of('file.delete.delay.ms', [0, 1000]),
      of('max.compaction.lag.ms', [100, '9223372036854775807']),
    ];
    const answer = await this.#settle(this.#inspector.call(CreateTopics, 7, { topics: [{ name: 'profiles', numPartitions: 1, replicationFactor: 1, assignments: [], configs }], timeoutMs: 5000 }));
    expect(answer.topics[0]!.errorCode === 0, `topic 'profiles' was answered ${answer.topics[0]!.errorCode}`);
  }

  #topicConfigs(promised: Promised): { name: string; value: string }[] {
    return [{ name: 'millrace.durability', value: promised }, { name: 'segment.ms', value: String(this.#random.pick([100, 1000, 604_800_000])) }, { name: 'segment.bytes', value: String(1 << 20) }];
  }

  #castActors(): void {
    const settings = this.#targets.find((target) => target.topic === 'settings')!;
    const written = this.#targets.filter((target) => target !== settings && !this.#jobs.includes(target));
    const synced = written.filter((target) => target.history.promised === 'synced');
    const cached = this.#targets.filter((target) => target.history.promised === 'page-cache');
    const readings = new GroupReadings('own group', synced);
    const consumerReadings = new GroupReadings('own consumer group', synced);
    const truth = new ConsumerGroupTruth('consumer group', 'orders', 3);
    for (const [index, target] of synced.entries()) this.#enter(new IdempotentProducer(`idem${index}`, this.#stage(`idem${index}`), target), 30);
    this.#enter(new IdempotentProducer('idem-b', this.#stage('idem-b'), synced[0]!), 50);
    this.#enter(new PlainProducer('plain', this.#stage('plain'), written), 20);
    this.#enter(new PlainProducer('cached', this.#stage('cached'), cached), 20);
    for (const name of ['reader-a', 'reader-b']) this.#enter(new Reader(name, this.#stage(name), this.#targets), 20);
    for (const [index, target] of synced.slice(0, 2).entries()) {
      const committer = new Committer(`commit${index}`, this.#stage(`commit${index}`), target);
      this.#committers.push(committer);
      this.#enter(committer, 40);
    }
    this.#enter(new OwnProducer('own', this.#stage('own'), synced), 60);
    const members = ['member-a', 'member-b'].map((name) => new OwnMember(name, this.#stage(name), readings));
    members.push(...['consumer-a', 'consumer-b'].map((name) => new OwnMember(name, this.#stage(name), consumerReadings, 'consumer')));
    for (const member of members) this.#enter(member, 150);
    const consumers = ['share-a', 'share-b', 'share-c'].map((name) => new ConsumerActor(name, this.#stage(name), truth));
    for (const consumer of consumers) this.#enter(consumer, 60);
    const admin = new Admin('admin', this.#stage('admin'), synced);
    this.#enter(admin, 80);
    const keeper = new Settings('settings', this.#stage('settings'), settings);
    this.#enter(keeper, 60);
    const rulebook = new Rulebook('rulebook', this.#stage('rulebook'), 'authorizer.class.name' in this.#config);
    this.#enter(rulebook, 60);
    const jobber = new PlainProducer('jobber', this.#stage('jobber'), this.#jobs);
    this.#enter(jobber, 60);
    for (const name of ['sharer-a', 'sharer-b', 'sharer-c']) this.#enter(new Sharer(name, this.#stage(name), this.#queue, jobber), 30);
    const profiles = new Profiles('profiles', this.#stage('profiles'));
    this.#enter(profiles, 20);
    this.#enter(new Stranger('stranger', this.#stage('stranger'), synced[0]!, 'own group'), 60);
    const warden = new Warden('warden', this.#stage('warden'));
    this.#enter(warden, 120);
    this.#enter(new Racer('racer', this.#stage('racer')), 60);
    this.#closing.push(
      () => admin.check(), () => members[0]!.catchUp(), () => members.at(-1)!.catchUp(), () => checkShared(consumers, truth), () => keeper.check(), () => profiles.check(), () => rulebook.check(), () => warden.checkAll(),
      async () => readings.checkDelivered(), async () => consumerReadings.checkDelivered(),
    );
  }

  /** Two read what the other writes: information could flow in a circle. */
  #castTransactors(): void {
    const kinds: Record<string, TransactorKind> = { 'txn-a': { newer: true, consumes: null }, 'txn-b': { newer: true, consumes: null }, 'txn-c': { newer: false, consumes: null } };
    const consuming: Record<string, TransactorKind> = { 'pipe-a': { newer: true, consumes: 0 }, 'pipe-b': { newer: false, consumes: 1 }, 'pipe-c': { newer: true, consumes: 2 } };
    const auditors = this.#cast === 'all' ? ['auditor'] : ['auditor', 'auditor-b', 'auditor-c'];
    for (const [name, kind] of Object.entries(this.#cast === 'all' ? kinds : { ...kinds, ...consuming })) {
      const transactor = new Transactor(name, this.#stage(name), this.#ledger, kind);
      this.#transactors.push(transactor);
      this.#enter(transactor, this.#cast === 'all' ? 25 : 10);
    }
    for (const name of auditors) this.#enter(new CommittedReader(name, this.#stage(name), this.#ledger), 25);
  }

  #enter(actor: Actor, pauseMs: number): void {
    this.#actors.push(actor);
    actor.start(pauseMs);
  }

  #stage(name: string): Stage {
    const { process, machine } = this.#world.start(name, name);
    this.#clientHosts.push(name);
    return {
      world: this.#world, process, random: this.#random.fork(name), coverage: this.#coverage, machine, client: new RawClient(name, machine, address),
      fail: (error) => this.#found(error),
      life: () => this.#lives,
      resting: () => this.#resting,
    };
  }

  #found(error: unknown): void {
    this.#finding ??= error instanceof Error ? error : new Error(String(error));
  }

  #isolateClients(): void {
    for (const host of this.#clientHosts) this.#world.net.partition(host, 'broker');
  }

  /** Runs until a bound, or until a client has a finding, which is thrown. */
  async #run(bounds: { untilMs?: number; when: () => boolean }): Promise<void> {
    const end = await this.#world.time.run({ ...bounds, when: () => this.#finding !== null || bounds.when(), eventsMax });
    if (this.#finding !== null) throw this.#finding;
    expect(end.kind !== 'events' && end.kind !== 'idle', `the simulation comes to an end (${end.kind})`);
  }

  async #settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.then(() => { settled = true; }, () => { settled = true; });
    await this.#run({ when: () => settled });
    return promise;
  }
}

/** The drive or the node did not let the inspector look: the next life will. */
class InspectionPut extends Error {}
