// testing/fake-lane.ts - the simulated lane: one thread that writes and syncs in order.
// Owns: the queue of commits. A1 One step at a time, each an event of its own. A2 The first failing step ends its commit and all
// later ones with the same error. A3 `done` never runs inside submit.
import { MillraceError } from '../base/mod.ts';
import type { Lane, LaneResult, LaneStep } from '../os/mod.ts';
import type { DiskStep } from './disk-faults.ts';
import type { FakeDisk } from './fake-disk.ts';

type Done = (error: Error | null, result: LaneResult) => void;
interface Commit { readonly steps: readonly LaneStep[]; readonly done: Done; writeMs: number; syncMs: number }

/** A lane of one process's disk. */
export class FakeLane implements Lane {
  readonly #disk: FakeDisk;
  readonly #queue: Commit[] = [];
  #running = false;
  #failure: Error | null = null;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(disk: FakeDisk) {
    this.#disk = disk;
  }

  submit(steps: readonly LaneStep[], done: Done): void {
    for (const step of steps) if (step.kind === 'write') for (const part of step.parts) this.#disk.needShared(part);
    if (this.#closed) this.#failure ??= new MillraceError('closed', "Cannot use the disk's lane: it is closed");
    this.#queue.push({ steps, done, writeMs: 0, syncMs: 0 });
    if (!this.#running) this.#start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running) await new Promise<void>((resolve) => { this.#idle.push(resolve); });
  }

  #start(): void {
    this.#running = true;
    this.#runStep(0);
  }

  /** Runs step `index` of the first commit after its latency, then the next. */
  #runStep(index: number): void {
    const { process, device } = this.#disk;
    const starting = this.#queue[0]!.steps[index];
    const latencyMs = device.latencyMs(starting && deviceStepOf(starting));
    process.schedule(latencyMs, () => {
      const commit = this.#queue[0]!;
      const step = commit.steps[index];
      if (this.#failure === null && step !== undefined) this.#perform(step, commit, latencyMs);
      if (!process.alive) return;
      if (this.#failure === null && index + 1 < commit.steps.length) this.#runStep(index + 1);
      else this.#finish(commit);
    });
  }

  #perform(step: LaneStep, commit: Commit, latencyMs: number): void {
    const { process, device } = this.#disk;
    const file = this.#disk.fileOf(step.file);
    const deviceStep = deviceStepOf(step);
    try {
      device.onStep(deviceStep);
      if (step.kind === 'write') {
        if (!process.alive) return device.writePart(file.image, step.position, step.parts);
        file.writeNow(deviceStep, step.parts, step.position);
        commit.writeMs += latencyMs;
      } else if (process.alive && !file.syncsEachWrite) {
        device.sync(deviceStep, file.image, file.image.takeMark());
        commit.syncMs += latencyMs;
      }
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  #finish(commit: Commit): void {
    this.#queue.shift();
    if (this.#queue.length > 0) this.#runStep(0);
    else {
      this.#running = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
    commit.done(this.#failure, { writeMs: commit.writeMs, syncMs: commit.syncMs });
  }
}

function deviceStepOf(step: LaneStep): DiskStep {
  const bytes = step.kind === 'write' ? step.parts.reduce((sum, part) => sum + part.length, 0) : 0;
  return { kind: step.kind === 'write' ? 'lane-write' : 'lane-sync', path: step.file.path, bytes };
}
