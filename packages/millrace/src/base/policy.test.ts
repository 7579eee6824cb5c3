// The policy on virtual time: what is retried, how long it waits, when it gives up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Breaker, deadlineAfter, fullJitterMs, isMillraceError, MillraceError, RetryBudget, runWithPolicy, withDeadline,
  type CallPolicy, type Deadline, type PolicyPorts,
} from './mod.ts';

/** A clock that jumps to the next timer whenever nothing else is left to do. */
function virtualPorts(fractions: readonly number[] = [0.5]): PolicyPorts & { nowMs: number; waits: number[]; run<T>(work: Promise<T>): Promise<T> } {
  const timers: { atMs: number; callback: () => void }[] = [];
  let drawn = 0;
  const ports = {
    nowMs: 1_000,
    waits: [] as number[],
    clock: {
      monotonicMs: () => ports.nowMs,
      after(delayMs: number, callback: () => void) {
        const timer = { atMs: ports.nowMs + delayMs, callback };
        ports.waits.push(delayMs);
        timers.push(timer);
        return { cancel: () => { const at = timers.indexOf(timer); if (at >= 0) timers.splice(at, 1); } };
      },
    },
    random: { fraction: () => fractions[drawn++ % fractions.length]! },
    async run<T>(work: Promise<T>): Promise<T> {
      let settled = false;
      const end = () => { settled = true; };
      work.then(end, end);
      while (!settled) {
        await new Promise((resolve) => setImmediate(resolve));
        if (settled) break;
        timers.sort((a, b) => a.atMs - b.atMs);
        const next = timers.shift();
        if (!next) continue;
        ports.nowMs = next.atMs;
        next.callback();
      }
      return work;
    },
  };
  return ports;
}

const lost = (data = {}): MillraceError => new MillraceError('disconnected', "Cannot reach 'b:1': refused", data);

function policyOf(ports: PolicyPorts, over: Partial<CallPolicy> = {}): CallPolicy {
  return {
    deadline: deadlineAfter(ports.clock, 10_000), what: "describe 'flights'", idempotent: true, backoff: { baseMs: 100, maxMs: 1_000 },
    budget: new RetryBudget(ports.clock.monotonicMs()), ...over,
  };
}

test('a call that fails twice succeeds at the third attempt, after jittered waits', async () => {
  const ports = virtualPorts([0.5, 0.25]);
  const seen: number[] = [];
  const value = await ports.run(runWithPolicy(ports, policyOf(ports), async (index) => {
    seen.push(index);
    if (index < 2) throw lost();
    return 'there';
  }));
  assert.equal(value, 'there');
  assert.deepEqual(seen, [0, 1, 2]);
  assert.deepEqual(ports.waits, [50, 50]); // half of 100, a quarter of 200
});

test('what changes something is tried again only if it was never sent', async () => {
  const ports = virtualPorts();
  let calls = 0;
  const once = policyOf(ports, { idempotent: false });
  await assert.rejects(ports.run(runWithPolicy(ports, once, async () => { calls++; throw lost(); })), { code: 'disconnected' });
  assert.equal(calls, 1);
  const value = await ports.run(runWithPolicy(ports, once, async (index) => { if (index === 0) throw lost({ sent: false }); return index; }));
  assert.equal(value, 1);
});

test('an answer that is final is not asked for again', async () => {
  const ports = virtualPorts();
  let calls = 0;
  await assert.rejects(ports.run(runWithPolicy(ports, policyOf(ports), async () => {
    calls++;
    throw new MillraceError('topic-not-found', "Cannot fetch from 'x': no such topic");
  })), { code: 'topic-not-found' });
  assert.equal(calls, 1);
});

test('the deadline ends the retries and the error keeps the last cause', async () => {
  const ports = virtualPorts([0.9]);
  const policy = policyOf(ports, { deadline: deadlineAfter(ports.clock, 1_000) });
  const error: unknown = await ports.run(runWithPolicy(ports, policy, async () => { throw lost(); })).catch((e: unknown) => e);
  assert.ok(isMillraceError(error, 'timeout'));
  assert.match(error.message, /out of time; the last attempt said: Cannot reach 'b:1': refused/);
  assert.ok(isMillraceError(error.cause, 'disconnected'));
  assert.ok(ports.nowMs <= 2_000, 'no attempt starts after the deadline');
});

test('no call starts after its deadline', async () => {
  const ports = virtualPorts();
  let calls = 0;
  await assert.rejects(runWithPolicy(ports, policyOf(ports, { deadline: ports.nowMs as Deadline }), async () => { calls++; }), { code: 'timeout' });
  assert.equal(calls, 0);
});

test('retries stay within a tenth of the calls plus three a second', () => {
  const budget = new RetryBudget(0);
  let retries = 0;
  let calls = 0;
  for (let ms = 0; ms < 100_000; ms += 10) { // a hundred calls a second for a hundred seconds, all of them wanting retries
    budget.noteCall(ms);
    calls++;
    for (let i = 0; i < 3; i++) if (budget.takeRetry(ms)) retries++;
  }
  assert.ok(retries <= calls * 0.1 + 100 * 3 + 30, `${retries}`);
  assert.ok(retries >= calls * 0.1 + 100 * 3 - 2, `${retries}`);
  assert.ok(budget.waitMs(100_000) > 0 && budget.waitMs(100_000) <= 334);
});

test('an empty budget gives up with the code of the cause', async () => {
  const ports = virtualPorts([0]);
  const policy = policyOf(ports, { budget: new RetryBudget(ports.nowMs, { tokensMax: 2, perSecond: 0.0001, callShare: 0 }) });
  let calls = 0;
  const error: unknown = await ports.run(runWithPolicy(ports, policy, async () => { calls++; throw lost({ broker: 1 }); })).catch((e: unknown) => e);
  assert.equal(calls, 3);
  assert.ok(isMillraceError(error, 'disconnected'));
  assert.match(error.message, /out of retry budget/);
});

test('a breaker opens after failures in a row, probes once, and closes on success', () => {
  const breaker = new Breaker('b:1', { failuresMax: 3, pauseMs: 100, pauseMsMax: 300 });
  breaker.failed(0); breaker.failed(0); breaker.succeeded(); breaker.failed(0); breaker.failed(0);
  assert.equal(breaker.state.kind, 'closed');
  breaker.failed(0);
  assert.deepEqual([breaker.allows(99), breaker.allows(100), breaker.allows(100)], [false, true, false]); // K1, K2
  breaker.failed(100);
  assert.deepEqual([breaker.allows(299), breaker.allows(300)], [false, true]); // K3: 200
  breaker.failed(300);
  assert.deepEqual([breaker.allows(599), breaker.allows(600)], [false, true]); // K3: bounded by 300
  breaker.succeeded();
  assert.equal(breaker.state.kind, 'closed');
});

test('calls through an open breaker fail at once or wait for the probe', async () => {
  const ports = virtualPorts([0.999]);
  const breaker = new Breaker('b:1', { failuresMax: 1, pauseMs: 40 });
  breaker.failed(ports.nowMs);
  const quick = policyOf(ports, { breaker, deadline: deadlineAfter(ports.clock, 1) });
  await assert.rejects(ports.run(runWithPolicy(ports, quick, async () => 1)), /'b:1' failed too often/);
  assert.equal(await ports.run(runWithPolicy(ports, policyOf(ports, { breaker }), async () => 7)), 7);
});

test('a breaker whose probe only reached the endpoint lets calls pass, and opens again at the next failure', () => {
  const breaker = new Breaker('b:1', { failuresMax: 3, pauseMs: 100 });
  breaker.failed(0); breaker.failed(0); breaker.reached(); breaker.failed(0); // K4
  assert.equal(breaker.state.kind, 'open');
  assert.ok(breaker.allows(100));
  breaker.reached();
  assert.deepEqual([breaker.allows(100), breaker.allows(100)], [true, true]);
  breaker.failed(100);
  assert.equal(breaker.allows(199), false);
  assert.ok(breaker.allows(200));
  breaker.reached();
  breaker.succeeded();
  breaker.failed(200);
  assert.ok(breaker.allows(200));
});

test('full jitter stays under its ceiling and spreads evenly', () => {
  const backoff = { baseMs: 50, maxMs: 1_000 };
  for (let attempt = 0; attempt < 40; attempt++) assert.ok(fullJitterMs(backoff, attempt, 0.9999) <= 1_000);
  assert.equal(fullJitterMs(backoff, 0, 0), 0);
  assert.equal(fullJitterMs(backoff, 3, 0.5), 200);
});

test('waiting under a deadline gives the value or a timeout, and cancels its timer', async () => {
  const ports = virtualPorts();
  const deadline = deadlineAfter(ports.clock, 100);
  assert.equal(await withDeadline(ports.clock, deadline, 'wait', Promise.resolve(3)), 3);
  await assert.rejects(ports.run(withDeadline(ports.clock, deadline, "wait for 'x'", new Promise(() => {}))), { code: 'timeout' });
  assert.equal(ports.nowMs, 1_100);
  assert.throws(() => deadlineAfter(ports.clock, Infinity), { code: 'invalid-argument' });
});
