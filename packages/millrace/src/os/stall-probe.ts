// os/stall-probe.ts - notices when this thread took no events for a while.
// Owns: a timer that is late when the thread is held up. Never: what to do about it.
// P1 A stall that is told of took place, and lasted at least that long; of a busy thread none is missed that lasts `overMs` and one look more.
// Cost: a busy thread (2 % or more) is looked at every 10 ms, an idle one every 160 ms, since waking an idle process costs more than the look
// (measured: 12 ms of CPU a second at every 10 ms, under 1 ms at every 160). A stall that ends an idle time is seen from the next look on.
// Collections of garbage are not told from other work: a PerformanceObserver for them took 0.1 ms a collection and 13 MB (measured).
import type { Stall, Timer } from './ports.ts';

const busyLookMs = 10;
const idleLookMs = 160;
const busyShare = 0.02;

/** The probe of one watcher, at work until cancelled. */
export class StallProbe implements Timer {
  readonly #overMs: number;
  readonly #onStall: (stall: Stall) => void;
  readonly #onLook: ((lateMs: number) => void) | undefined;
  #dueMs = 0;
  #cpu = process.threadCpuUsage();
  #loop = performance.eventLoopUtilization();
  #timer: NodeJS.Timeout;

  constructor(overMs: number, onStall: (stall: Stall) => void, onLook?: (lateMs: number) => void) {
    this.#overMs = overMs;
    this.#onStall = onStall;
    this.#onLook = onLook;
    this.#timer = this.#lookIn(busyLookMs);
  }

  cancel(): void { clearTimeout(this.#timer); }

  #lookIn(ms: number): NodeJS.Timeout {
    this.#dueMs = performance.now() + ms;
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    const lateMs = performance.now() - this.#dueMs;
    const cpuBefore = this.#cpu;
    this.#cpu = process.threadCpuUsage();
    const loopBefore = this.#loop;
    this.#loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(this.#loop, loopBefore);
    this.#timer = this.#lookIn(utilization < busyShare ? idleLookMs : busyLookMs);
    this.#onLook?.(Math.max(0, lateMs));
    if (lateMs <= this.#overMs) return;
    const busyMs = (this.#cpu.user + this.#cpu.system - cpuBefore.user - cpuBefore.system) / 1000;
    this.#onStall({ ms: lateMs, busyMs: Math.min(lateMs, busyMs) });
  }
}
