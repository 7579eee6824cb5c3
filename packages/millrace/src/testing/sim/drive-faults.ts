// testing/sim/drive-faults.ts - carries out the drive's part of a plan during one life, and notes what was met where.
// Owns: turning the drive's switches, counting steps, killing at the planned one.
import type { Timer } from '../../os/mod.ts';
import type { World } from '../world.ts';
import type { FakeDevice } from '../fake-device.ts';
import type { FakeProcess } from '../fake-process.ts';
import type { Coverage } from './coverage.ts';
import type { DiskStep } from '../disk-faults.ts';
import { fileKind } from './fault-plan.ts';
import type { LifePlan } from './fault-plan.ts';

/** Sets up the drive for a life that begins now; what it armed ends with `disarm`. */
export function armDrive(world: World, device: FakeDevice, process: FakeProcess, plan: LifePlan, coverage: Coverage): void {
  const place = (step: { kind: string; path: string }) => `${step.kind} ${fileKind(step.path)}`;
  let left = plan.end.kind === 'kill' ? plan.end.nth : Infinity;
  device.onStep = (step) => {
    world.trace(`drive ${step.kind} ${step.path} ${step.bytes}`);
    if (plan.end.kind === 'kill' && isAimed(plan.end, step) && --left === 0) {
      world.trace(`kill at ${step.kind} ${step.path}`);
      coverage.met(plan.end.power === 'cut' ? 'power cut' : 'kill -9', place(step));
      process.kill();
    }
  };
  device.onFault = (fault, step) => {
    world.trace(`drive fault ${fault} at ${step.kind} ${step.path}`);
    coverage.met(fault, place(step));
  };
  armed.set(device, armFault(world, device, process, plan));
}

/** What is planned for a drive: events of the simulation, which no process counts as its timers. */
const armed = new WeakMap<FakeDevice, readonly Timer[]>();

function isAimed(end: { readonly step: string; readonly file: string }, step: DiskStep): boolean {
  return end.step === 'any' || end.step === step.kind && (end.file === '' || end.file === fileKind(step.path));
}

/** A healthy drive again. */
export function disarmDrive(device: FakeDevice): void {
  for (const timer of armed.get(device) ?? []) timer.cancel();
  armed.delete(device);
  Object.assign(device.faults, { capacityBytes: Infinity, syncsToFail: 0, syncsFailAlways: false, readsToFail: 0, latencyMs: 0.1, stallChance: 0, stallMs: 0 });
  device.onStep = () => {};
}

function armFault(world: World, device: FakeDevice, process: FakeProcess, { drive }: LifePlan): readonly Timer[] {
  const { faults } = device;
  const at = (ms: number, act: () => void): Timer => world.time.schedule(ms, () => { if (process.alive) act(); });
  switch (drive.kind) {
    case 'none': return [];
    case 'full':
      return [
        at(drive.atMs, () => { faults.capacityBytes = device.usedBytes() + device.random.below(20_000); }),
        at(drive.atMs + drive.forMs, () => { faults.capacityBytes = Infinity; }),
      ];
    case 'sync fails once': return [at(drive.atMs, () => { faults.syncsToFail = 1; })];
    case 'sync fails always': return [at(drive.atMs, () => { faults.syncsFailAlways = true; })];
    case 'read fails': return [at(drive.atMs, () => { faults.readsToFail = drive.reads; })];
    case 'slow':
      Object.assign(faults, { latencyMs: drive.latencyMs, stallChance: drive.stallChance, stallMs: drive.stallMs });
      return [];
  }
}

/** Cuts the power of a drive and notes what was lost. */
export function cutPower(world: World, device: FakeDevice, coverage: Coverage): void {
  const report = device.cutPower();
  for (const [path, cut] of report.files) {
    if (cut === 'nothing unsynced') continue;
    world.trace(`cut ${path}: ${cut}`);
    coverage.met(cut, fileKind(path));
  }
  if (report.namesLost > 0) {
    world.trace(`cut: ${report.namesLost} names lost`);
    coverage.met('names lost', 'folders');
  }
}
