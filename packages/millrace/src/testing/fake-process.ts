// testing/fake-process.ts - one life of a simulated process: what it scheduled dies with it.
// Owns: the gate between a process and the world. P1 After kill() no callback of the process runs and no call of it has an effect:
// promises it waits for never settle, as nothing of a dead process goes on. P2 kill() may come from inside one of its own calls.
import type { Timer } from '../os/mod.ts';
import { FakeClock } from './fake-clock.ts';
import type { FakeTime } from './fake-clock.ts';

/** A life: from start to kill or to the end of the simulation. */
export class FakeProcess {
  readonly name: string;
  readonly time: FakeTime;
  readonly clock: FakeClock;
  #alive = true;
  #pending = 0;
  readonly #atDeath: (() => void)[] = [];

  constructor(name: string, time: FakeTime, skewMs = 0) {
    this.name = name;
    this.time = time;
    this.clock = new ProcessClock(this, skewMs);
  }

  get alive(): boolean { return this.#alive; }

  /** Events of this process that are still to come: none are left of one that has closed everything. */
  get pending(): number { return this.#pending; }

  /** Ends the process at once (kill -9). */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const callback of this.#atDeath.splice(0)) callback();
  }

  /** Calls back inside kill(), for devices that must let go. */
  onDeath(callback: () => void): void {
    this.#atDeath.push(callback);
  }

  /** Schedules an event that only happens while the process lives (P1). */
  schedule(delayMs: number, callback: () => void): Timer {
    let waits = true;
    const ended = (): void => {
      if (waits) this.#pending--;
      waits = false;
    };
    this.#pending++;
    const timer = this.time.schedule(delayMs, () => {
      ended();
      if (this.#alive) callback();
    });
    return { cancel: () => { ended(); timer.cancel(); } };
  }
}

class ProcessClock extends FakeClock {
  readonly #process: FakeProcess;

  constructor(process: FakeProcess, skewMs: number) {
    super(process.time, skewMs);
    this.#process = process;
  }

  override after(delayMs: number, callback: () => void): Timer { return this.#process.schedule(delayMs, callback); }
  override soon(callback: () => void): void { this.#process.schedule(0, callback); }
}
