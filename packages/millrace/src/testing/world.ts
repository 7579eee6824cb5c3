// testing/world.ts - one simulated world from one seed: time, network, drives, processes, and the trace of what happened.
// Owns: the seed and how it is shared out. W1 The same seed and the same code leave the same trace hash.
import { crc32c } from '../base/mod.ts';
import type { Machine } from '../os/mod.ts';
import { FakeTime } from './fake-clock.ts';
import { FakeDevice } from './fake-device.ts';
import { FakeDisk } from './fake-disk.ts';
import { FakeNet } from './fake-net.ts';
import { FakeProcess } from './fake-process.ts';
import { FakeRandom } from './fake-random.ts';

const traceLinesKept = 400;

/** A process and the machine that it sees. */
export interface Hosted { readonly process: FakeProcess; readonly machine: Machine }

/** Everything simulated that belongs to one seed. */
export class World {
  readonly seed: number;
  readonly random: FakeRandom;
  readonly time = new FakeTime();
  readonly net: FakeNet;
  /** Called with each trace line, for --verbose. */
  onTrace: (line: string) => void = () => {};
  readonly #trace: string[] = [];
  #traceHash = 0;
  #lives = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new FakeRandom(seed);
    this.net = new FakeNet(this.random.fork('net'));
  }

  /** A new empty drive. */
  device(name: string): FakeDevice {
    return new FakeDevice(this.random.fork(`device ${name}`));
  }

  /** Starts a life of a process on `host`, with its own door to `device`. */
  start(name: string, host: string, device: FakeDevice = this.device(name)): Hosted {
    const process = new FakeProcess(`${name}#${++this.#lives}`, this.time);
    const machine = {
      clock: process.clock,
      disk: new FakeDisk(device, process),
      net: this.net.port(process, host),
      random: this.random.fork(process.name),
    };
    return { process, machine };
  }

  /** Notes what happened: part of the hash (W1), and the last lines are shown with a failure. */
  trace(line: string): void {
    const full = `${this.time.nowMs.toFixed(3)} ${line}`;
    this.#traceHash = crc32c(Buffer.from(full), this.#traceHash);
    this.#trace.push(full);
    if (this.#trace.length > 2 * traceLinesKept) this.#trace.splice(0, traceLinesKept);
    this.onTrace(full);
  }

  /** Hash of all trace lines so far, 8 hex digits. */
  get traceHash(): string { return this.#traceHash.toString(16).padStart(8, '0'); }

  /** The last trace lines. */
  lastTrace(lines: number): string[] { return this.#trace.slice(-lines); }
}
