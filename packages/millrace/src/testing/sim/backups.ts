// testing/sim/backups.ts - backups taken while the log is worked on, their power cut, and what they restore to.
// Owns: the drive of the backups, what the last one must hold. K5 A backup that was confirmed restores to a folder that `check` has nothing
// to say of, with every partition as it was then or later; one that was cut short leaves the one before it whole.
import { isMillraceError } from '../../base/mod.ts';
import { checkFolder, openLog, restore } from '../../log/mod.ts';
import type { Finding, Log } from '../../log/mod.ts';
import type { Disk } from '../../os/mod.ts';
import { FakeDisk } from '../fake-disk.ts';
import type { FakeDevice } from '../fake-device.ts';
import type { FakeProcess } from '../fake-process.ts';
import type { World } from '../world.ts';
import type { Coverage } from './coverage.ts';
import { expect } from './log-model.ts';
import type { LogTruth, PartitionModel } from './log-model.ts';
import { sameBatch, splitBatches } from './sim-batch.ts';

/** A partition as it was when a backup was asked for. */
interface Kept {
  readonly model: PartitionModel;
  /** Between where the log started when it was asked for and when it was done; Infinity when the partition was gone by then. */
  readonly start: number;
  readonly startMost: number;
  readonly end: number;
}

/** Backups of one seed's log. */
export class SimBackups {
  readonly #world: World;
  readonly #truth: LogTruth;
  readonly #coverage: Coverage;
  readonly #device: FakeDevice;
  #underWay = false;
  /** What the last confirmed one holds at least; null before the first. */
  #confirmed: readonly Kept[] | null = null;
  /** Attempts that may have got as far as taking its place. */
  #unfinished = 0;

  constructor(world: World, truth: LogTruth, coverage: Coverage) {
    this.#world = world;
    this.#truth = truth;
    this.#coverage = coverage;
    this.#device = world.device('backups');
  }

  /** Takes one, unless one is under way. Rejects with what the log says. */
  async take(process: FakeProcess, log: Log): Promise<void> {
    if (this.#underWay) return;
    this.#underWay = true;
    const kept = [...this.#truth.models.values()].filter((model) => model.life === 'live')
      .map((model): Kept => ({ model, start: log.partitions.get(model.name)!.logStartOffset, end: log.partitions.get(model.name)!.highWatermark, startMost: Infinity }));
    this.#unfinished++;
    this.#world.trace('backup');
    try {
      const { bytesCopied } = await log.backup(new FakeDisk(this.#device, process, 'backup'));
      this.#world.trace(`backed up ${bytesCopied} bytes`);
      this.#unfinished = 0;
      const failed = log.state.kind === 'failed'; // then it holds what was synced
      this.#confirmed = kept.map((each) => ({ ...each, end: failed && !each.model.synced ? 0 : each.end, startMost: log.partitions.get(each.model.name)?.logStartOffset ?? Infinity }));
    } finally {
      this.#underWay = false;
    }
  }

  /** The process that took them is gone. */
  processEnded(power: 'stays' | 'cut'): void {
    if (this.#underWay) this.#coverage.met(power === 'cut' ? 'power cut' : 'kill -9', 'backup');
    this.#underWay = false;
    if (power === 'cut') this.#device.cutPower();
  }

  /** Restores the last one, cuts the power behind it, and compares (K5); `also` looks at what was restored, too. */
  async verify(also: (log: Log) => Promise<void> = async () => {}): Promise<void> {
    if (this.#confirmed === null) return;
    const device = this.#world.device('restored');
    const restorer = this.#world.start('restore', 'host', device);
    const settle = <T>(promise: Promise<T>): Promise<T> => this.#world.time.settle(promise);
    const summary = await settle(restore(new FakeDisk(this.#device, restorer.process, 'backup'), restorer.machine.disk));
    expect(summary.partitions > 0 || this.#confirmed.length === 0 || this.#unfinished > 0, 'a backup of partitions restores some');
    expect(openFilesOf(restorer.machine.disk) === 0, 'a restore closes its files');
    restorer.process.kill();
    device.cutPower();
    this.#coverage.met('power cut', 'restore');
    const hosted = this.#world.start('restored', 'host', device);
    await settle(expectSound(hosted.machine.disk, 'what was restored'));
    const log = await settle(openLog({ ...hosted.machine, tailBytes: 1 << 20, journalFileBytes: 1 << 18 }));
    for (const each of this.#confirmed) await settle(this.#compare(log, each));
    await settle(also(log));
    await settle(log.close());
    hosted.process.kill();
  }

  async #compare(log: Log, { model, start, startMost, end }: Kept): Promise<void> {
    const partition = log.partitions.get(model.name);
    if (partition === undefined) return expect(this.#unfinished > 0 || model.life !== 'live', `${model.name}: is missing in the backup`);
    if (this.#truth.models.get(model.name) !== model) return; // another one by that name, and the backup may be of either
    expect(partition.endOffset >= end, `${model.name}: the backup ends at ${partition.endOffset}, ${end} was readable when it was taken`);
    expect(partition.logStartOffset >= start, `${model.name}: the backup starts at ${partition.logStartOffset}, the log did at ${start}`);
    if (this.#unfinished === 0) expect(partition.logStartOffset <= startMost, `${model.name}: the backup starts at ${partition.logStartOffset}, the log did at ${startMost}`);
    for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {
      const result = await partition.read(offset, 100_000, true);
      const found = splitBatches(new Uint8Array(Buffer.concat(result.parts)));
      for (const batch of found) {
        const known = model.everAppended.get(batch.baseOffset) ?? [];
        expect(known.some((bytes) => sameBatch(bytes, batch.bytes)), `${model.name}: the backup holds a batch at ${batch.baseOffset} that was never appended there`);
      }
      expect(result.nextOffset > offset, `${model.name}: the backup has nothing at ${offset}`);
      offset = result.nextOffset;
      result.release();
    }
  }
}

/** Files that the process has open on a simulated disk. */
export function openFilesOf(disk: Disk): number {
  return (disk as FakeDisk).openFiles.size;
}

/** `check` finds nothing wrong in the folder; what a crash leaves lying about is no damage. Gives the notes. */
export async function expectSound(disk: Disk, what: string): Promise<Finding[]> {
  const found = await findingsOf(disk);
  const damage = found.find((finding) => finding.kind === 'damage');
  expect(damage === undefined, `check of ${what}: ${String(damage?.path)} at ${String(damage?.position)}: ${String(damage?.what)}`);
  return found;
}

/** What `check` says of a folder. */
export async function findingsOf(disk: Disk): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    await checkFolder(disk, (finding) => found.push(finding));
  } catch (error) {
    if (!isMillraceError(error, 'storage-failed')) throw error;
  }
  return found;
}
