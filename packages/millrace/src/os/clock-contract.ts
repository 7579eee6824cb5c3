// os/clock-contract.ts - what every Clock must do, as tests: the real one and the simulated one both pass.
// Owns: the cases. A clock under test comes with `pass`, which lets its time go by: waiting for a real clock, driving a virtual one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Stall } from './ports.ts';

/** A clock, and how to let its time pass until a promise settles. */
export interface ClockUnderTest {
  readonly clock: Clock;
  readonly pass: <T>(until: Promise<T>) => Promise<T>;
  /** Holds the thread up for that long: computing, or in the virtual clock's word for it. */
  readonly holdUp: (ms: number) => void;
}

/** Declares the contract's tests for one implementation. */
export function clockContract(name: string, make: () => ClockUnderTest): void {
  const wait = (clock: Clock, ms: number) => new Promise<void>((resolve) => { clock.after(ms, resolve); });

  test(`${name}: a timer fires once, not before its delay, by rising time`, async () => {
    const { clock, pass } = make();
    const startMs = clock.monotonicMs();
    let fired = 0;
    await pass(new Promise<void>((resolve) => { clock.after(20, () => { fired++; resolve(); }); }));
    assert.ok(clock.monotonicMs() - startMs >= 19, 'not before its delay (timers of the system are cut to whole ms)');
    await pass(wait(clock, 5));
    assert.equal(fired, 1);
  });

  test(`${name}: timers fire in the order of their delays`, async () => {
    const { clock, pass } = make();
    const order: number[] = [];
    for (const delayMs of [60, 1, 30]) clock.after(delayMs, () => order.push(delayMs));
    await pass(wait(clock, 120));
    assert.deepEqual(order, [1, 30, 60]);
  });

  test(`${name}: a cancelled timer never fires, and cancelling again or after firing does nothing`, async () => {
    const { clock, pass } = make();
    let fired = false;
    const timer = clock.after(5, () => { fired = true; });
    timer.cancel();
    timer.cancel();
    const done = clock.after(0, () => {});
    await pass(wait(clock, 20));
    done.cancel();
    assert.equal(fired, false);
  });

  test(`${name}: O2: neither after(0) nor soon() calls back inside the call, and soon comes in order`, async () => {
    const { clock, pass } = make();
    const order: string[] = [];
    const zero = new Promise<void>((resolve) => { clock.after(0, () => { order.push('after'); resolve(); }); });
    const soon = new Promise<void>((resolve) => {
      clock.soon(() => order.push('soon 1'));
      clock.soon(() => { order.push('soon 2'); resolve(); });
    });
    order.push('call');
    await pass(Promise.all([zero, soon]));
    assert.equal(order[0], 'call');
    assert.deepEqual(order.filter((each) => each.startsWith('soon')), ['soon 1', 'soon 2']);
  });

  test(`${name}: soon comes after promises that already wait`, async () => {
    const { clock, pass } = make();
    const order: string[] = [];
    const soon = new Promise<void>((resolve) => { clock.soon(() => { order.push('soon'); resolve(); }); });
    void Promise.resolve().then(() => order.push('microtask'));
    await pass(soon);
    assert.deepEqual(order, ['microtask', 'soon']);
  });

  test(`${name}: a thread that is held up is told of, with what it computed, until the watch is cancelled`, async () => {
    const { clock, pass, holdUp } = make();
    const stalls: Stall[] = [];
    let told = (): void => {};
    const looks: number[] = [];
    const watch = clock.watchStalls(20, (stall) => { stalls.push(stall); told(); }, (lateMs) => { looks.push(lateMs); });
    await pass(wait(clock, 5)); // the first look falls into what follows
    holdUp(400);
    if (stalls.length === 0) await pass(new Promise<void>((resolve) => { told = resolve; }));
    assert.ok(stalls[0]!.ms > 20 && stalls[0]!.busyMs > 0 && stalls[0]!.busyMs <= stalls[0]!.ms, JSON.stringify(stalls));
    assert.ok(looks.some((lateMs) => lateMs >= stalls[0]!.ms) && looks.every((lateMs) => lateMs >= 0), 'and every look says how late it was');
    watch.cancel();
    const count = stalls.length;
    holdUp(400);
    await pass(wait(clock, 50));
    assert.equal(stalls.length, count);
  });

  test(`${name}: wall time counts ms since 1970 and both times go on together`, async () => {
    const { clock, pass } = make();
    const wallMs = clock.nowMs();
    const risingMs = clock.monotonicMs();
    assert.ok(Number.isInteger(wallMs) && wallMs > Date.UTC(2024, 0, 1));
    await pass(wait(clock, 50));
    assert.ok(clock.monotonicMs() > risingMs);
    assert.ok(clock.nowMs() > wallMs);
  });
}
