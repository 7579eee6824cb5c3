// testing/sim/log-sim.ts - a log alone under faults: appends, reads, structure, crashes and restarts from one seed.
// Owns: the lives of the log and what is done in each. Never: the truth (log-model.ts), the faults (drive-faults.ts).
import { isMillraceError } from '../../base/mod.ts';
import { openLog } from '../../log/mod.ts';
import type { Log, PartitionConfig } from '../../log/mod.ts';
import { epochMs } from '../fake-clock.ts';
import type { FakeDevice } from '../fake-device.ts';
import type { FakeRandom } from '../fake-random.ts';
import type { Hosted, World } from '../world.ts';
import type { Coverage } from './coverage.ts';
import { armDrive, cutPower, disarmDrive } from './drive-faults.ts';
import { drawPlan, fileKind } from './fault-plan.ts';
import type { LifePlan } from './fault-plan.ts';
import { SimBackups, expectSound, findingsOf, openFilesOf } from './backups.ts';
import { isKeyedName, KeyedLife, KeyedTruth } from './keyed-life.ts';
import { LogLife } from './log-life.ts';
import { LogTruth, expect } from './log-model.ts';

const lifeMaxMs = 4000;
const eventsMax = 500_000;

/** Runs one seed at the level of the log. Throws a Violation, or whatever the log threw. */
export async function simulateLog(world: World, coverage: Coverage): Promise<void> {
  const random = world.random.fork('log simulation');
  const plan = drawPlan(random.fork('plan'), lifeMaxMs);
  const sim = new LogSimulation(world, coverage, random);
  for (const life of plan.lives) await sim.live(life);
  if (plan.flipBits > 0 && sim.flipBit()) return await sim.liveDamaged();
  await sim.liveToTheEnd();
}

/** Sizes small enough that everything turns over many times in a seed. */
interface Sizes { readonly journalFileBytes: number; readonly tailBytes: number }

class LogSimulation {
  readonly world: World;
  readonly coverage: Coverage;
  readonly random: FakeRandom;
  readonly device: FakeDevice;
  readonly truth = new LogTruth();
  readonly keyed: KeyedTruth;
  readonly sizes: Sizes;
  readonly backups: SimBackups;
  /** What the log said about tails and damage since it was opened. */
  #reports: string[] = [];
  #damaged = false;

  constructor(world: World, coverage: Coverage, random: FakeRandom) {
    this.world = world;
    this.coverage = coverage;
    this.random = random;
    this.device = world.device('drive');
    this.keyed = new KeyedTruth(random.fork('keyed'));
    this.backups = new SimBackups(world, this.truth, coverage);
    this.sizes = { journalFileBytes: random.pick([64, 256, 1024]) * 1024, tailBytes: random.pick([64, 256, 1024]) * 1024 };
  }

  /** One life: start, work, end as planned. */
  async live(plan: LifePlan): Promise<void> {
    const hosted = this.world.start('log', 'host', this.device);
    armDrive(this.world, this.device, hosted.process, plan, this.coverage);
    const log = await this.#open(hosted);
    if (log !== null) await this.#work(hosted, log, plan);
    if (hosted.process.alive) this.world.trace('killed at the end of its time');
    hosted.process.kill();
    disarmDrive(this.device);
    const power = plan.end.kind === 'kill' ? plan.end.power : 'stays';
    if (power === 'cut') cutPower(this.world, this.device, this.coverage);
    this.backups.processEnded(power);
    if (this.random.chance(0.3)) await this.#checkWhatIsLeft();
  }

  /** The last life: nothing goes wrong, everything is read, and a clean close and start change nothing. */
  async liveToTheEnd(): Promise<void> {
    for (const last of [false, true]) {
      const hosted = this.world.start('log', 'host', this.device);
      const log = await this.#open(hosted);
      expect(log !== null, 'a log opens on a healthy drive');
      const life = this.#life(hosted, log);
      const keyed = this.#keyedLife(hosted, log, (error) => { throw error; });
      await this.#settle(life.readAll());
      await this.#settle(keyed.checkAll());
      if (!last) await this.#settle(keyed.compactAll());
      if (!last) await this.#settle(life.appendSome(20));
      await this.#settle(life.readAll());
      await this.#settle(life.lookUpAll());
      if (last) await this.#settle(this.backups.take(hosted.process, log));
      if (last) await this.#settle(life.retainAll());
      await this.#close(hosted, log);
      hosted.process.kill();
      await this.#checkWhatIsLeft();
    }
    await this.backups.verify((log) => this.keyed.checkCopy(log, epochMs + this.world.time.nowMs));
  }

  /** A clean close leaves nothing behind: no file open, no timer set, nothing that readers held. */
  async #close(hosted: Hosted, log: Log): Promise<void> {
    expect(log.stats().readBytes === 0, `readers gave back all, and ${log.stats().readBytes} bytes count as held`);
    await this.#settle(log.close());
    expect(openFilesOf(hosted.machine.disk) === 0, `a closed log has ${openFilesOf(hosted.machine.disk)} files open`);
    expect(hosted.process.pending === 0, `a closed log has ${hosted.process.pending} timers set`);
    expect(this.device.lockedBy === null, 'a closed log has let go of its folder');
  }

  /** `check` has nothing to say against what a death or a clean end leaves. */
  async #checkWhatIsLeft(): Promise<void> {
    const { process, machine } = this.world.start('check', 'host', this.device);
    await this.#settle(expectSound(machine.disk, 'what is left'));
    expect(openFilesOf(machine.disk) === 0, 'check closes its files');
    process.kill();
  }

  /** Flips one bit somewhere in the log's files. False when there is none. */
  flipBit(): boolean {
    const files = this.device.names.files().filter(([, image]) => image.size > 0);
    if (files.length === 0) return false;
    const [path, image] = this.random.pick(files);
    const position = this.random.below(image.size);
    this.device.flipBit(path, position, this.random.below(8));
    this.world.trace(`flip a bit of ${path} at ${position}`);
    this.coverage.met('bit flipped', fileKind(path));
    this.#damaged = true;
    return true;
  }

  /** After a flipped bit: an error is right, missing data with a report is right; wrong data never. */
  async liveDamaged(): Promise<void> {
    const hosted = this.world.start('log', 'host', this.device);
    const found = await this.#settle(findingsOf(hosted.machine.disk));
    for (const { kind, path, position, what } of found) this.world.trace(`check: ${kind} ${path} ${position} ${what}`);
    const log = await this.#open(hosted);
    if (log === null) return;
    this.#expectLossReported(log);
    const damaged = await this.#settle(this.#life(hosted, log).readAll({ damaged: true }));
    if (damaged.length > 0) expect(found.some((finding) => finding.kind === 'damage'), `check found no damage, and a read did: ${damaged[0]}`);
    hosted.process.kill();
  }

  /** Opens and checks what is there. Null when the process died, or refused with a reason that the drive's faults explain. */
  async #open(hosted: Hosted): Promise<Log | null> {
    const { process, machine } = hosted;
    this.#reports = [];
    let outcome: { log: Log } | { error: unknown } | null = null;
    openLog({ ...this.sizes, ...machine, configOf: (name) => this.#configOf(name), onReport: (line) => this.#report(line) })
      .then((log) => { outcome = { log }; }, (error: unknown) => { outcome = { error }; });
    await this.world.time.run({ when: () => outcome !== null || !process.alive, eventsMax });
    if (!process.alive) return null;
    expect(outcome !== null, 'opening the log comes to an end');
    const ended = outcome as { log: Log } | { error: unknown };
    if ('error' in ended) {
      expect(isMillraceError(ended.error), `opening failed with ${String(ended.error)}`);
      this.world.trace(`open refused: ${ended.error.code} ${ended.error.message}`);
      this.#expectExplained(ended.error.code);
      expect(openFilesOf(machine.disk) === 0, `a refused start leaves ${openFilesOf(machine.disk)} files open`);
      expect(this.device.lockedBy === null, 'a refused start lets go of the folder');
      return null;
    }
    if (!this.#damaged) this.#checkStart(ended.log);
    return ended.log;
  }

  async #work(hosted: Hosted, log: Log, plan: LifePlan): Promise<void> {
    const life = this.#life(hosted, log);
    const keyed = this.#keyedLife(hosted, log, (error) => { life.violation ??= error instanceof Error ? error : new Error(String(error)); });
    life.start();
    keyed.start();
    const endMs = this.world.time.nowMs + plan.maxMs;
    await this.world.time.run({ untilMs: endMs, when: () => !hosted.process.alive || life.violation !== null, eventsMax });
    if (life.violation !== null) throw life.violation;
    if (!hosted.process.alive) return;
    life.stop();
    keyed.stop();
    if (plan.end.kind !== 'close') return;
    disarmDrive(this.device);
    await this.#settle(life.quiet());
    await this.#settle(keyed.quiet());
    await this.#close(hosted, log);
    life.expectAnswered();
    this.world.trace('closed');
  }

  #life(hosted: Hosted, log: Log): LogLife {
    return new LogLife(this.world, hosted.process, log, this.truth, this.backups, this.random.fork(hosted.process.name));
  }

  #keyedLife(hosted: Hosted, log: Log, fail: (error: unknown) => void): KeyedLife {
    return new KeyedLife(this.world, hosted.process, log, this.keyed, this.random.fork(`keyed ${hosted.process.name}`), fail);
  }

  #settle<T>(promise: Promise<T>): Promise<T> {
    return this.world.time.settle(promise, eventsMax);
  }

  #configOf(name: string): PartitionConfig {
    if (isKeyedName(name)) return this.keyed.configOf(name);
    return this.truth.models.get(name)?.config ?? { segmentBytes: 1 << 20, segmentMs: 1 << 30, retentionBytes: -1, retentionMs: -1, durability: 'synced' };
  }

  #report(line: string): void {
    this.world.trace(`report: ${line}`);
    this.#reports.push(line);
  }

  /** What a flipped bit cost must have been said. */
  #expectLossReported(log: Log): void {
    for (const model of this.truth.models.values()) {
      const end = log.partitions.get(model.name)?.endOffset ?? 0;
      if (model.life !== 'live' || end >= model.keptUntil) continue;
      expect(this.#reports.some((line) => /damage|torn|cut/i.test(line)), `${model.name}: a flipped bit lost ${end}..${model.keptUntil} and nothing was said`);
    }
  }

  /** An error at open needs a fault of the drive that struck just now, or a flipped bit. */
  #expectExplained(code: string): void {
    const { faults } = this.device;
    const explained = this.#damaged || code === 'disk-full' && faults.capacityBytes < Infinity || code === 'storage-failed';
    expect(explained, `opening failed with '${code}' and no fault explains it`);
  }

  /** Compares what an opened log holds with what it must hold. */
  #checkStart(log: Log): void {
    this.keyed.opened(log);
    for (const name of log.partitions.keys()) if (!isKeyedName(name)) expect((this.truth.models.get(name)?.life ?? 'removed') !== 'removed', `a removed partition '${name}' is back`);
    const nowMs = epochMs + this.world.time.nowMs;
    for (const model of this.truth.models.values()) {
      const partition = log.partitions.get(model.name);
      if (partition === undefined) {
        expect(model.life !== 'live', `partition '${model.name}' is gone`);
        model.life = 'removed';
        continue;
      }
      expect(partition.highWatermark === partition.endOffset, `${model.name}: after a start everything is readable`);
      model.checkAfterCrash(partition.logStartOffset, partition.endOffset, nowMs);
      model.life = 'live';
    }
    this.world.trace(`opened: ${[...log.partitions.values()].map((each) => `${each.name} ${each.logStartOffset}..${each.endOffset}`).join(', ')}`);
  }
}
