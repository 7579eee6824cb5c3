// base/policy.ts - one policy for every remote call: an absolute deadline, safe retries with full jitter, a retry budget, a breaker per endpoint.
// Owns: the loop around a call (runWithPolicy) and the ports it needs. Never: sockets, messages, what an error number means.
// P1 no call is made without a deadline, and none is started after it. P2 only errors that say `retry` are retried, and a call that
// changes something only when it is idempotent or was never sent. P3 retries are at most a tenth of the calls plus three a second,
// so that a struggling server meets at most 1.1 times its load. Cost: one object per call, one timer per wait.
import { isMillraceError, MillraceError } from './errors.ts';
import { fullJitterMs, type Backoff } from './policy-backoff.ts';
import { type Breaker } from './policy-breaker.ts';
import { type RetryBudget } from './policy-budget.ts';
import { type Deadline, remainingMs } from './policy-deadline.ts';

export * from './policy-backoff.ts';
export * from './policy-breaker.ts';
export * from './policy-budget.ts';
export * from './policy-deadline.ts';

/** What the policy needs of the machine; `os` Machine fits it. */
export interface PolicyPorts {
  readonly clock: { monotonicMs(): number; after(delayMs: number, callback: () => void): { cancel(): void } };
  readonly random: { fraction(): number };
}

/** How one call is to be tried. */
export interface CallPolicy {
  /** The call ends by then, retries included. */
  readonly deadline: Deadline;
  /** What is attempted, for messages: "Cannot <what>: ...". */
  readonly what: string;
  /** True when doing it twice is doing it once; otherwise only what was never sent is tried again. */
  readonly idempotent: boolean;
  readonly backoff: Backoff;
  /** Shared by all calls of one client. */
  readonly budget: RetryBudget;
  /** The breaker of the endpoint, when the call has a fixed one. */
  readonly breaker?: Breaker;
  /** Ends the waiting between attempts, as closing a client does. */
  readonly closed?: () => boolean;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the deadline passes. The attempt gets its number from 0 and must keep the
 * deadline itself. Throws what the last attempt threw; when time or budget ran out its message says so and its cause is that error.
 * @example await runWithPolicy(ports, policy, () => connection.call(Heartbeat, body, policy.deadline));
 */
export async function runWithPolicy<T>(ports: PolicyPorts, policy: CallPolicy, attempt: (attemptIndex: number) => Promise<T>): Promise<T> {
  policy.budget.noteCall(ports.clock.monotonicMs());
  for (let attemptIndex = 0; ; attemptIndex++) {
    const failure = await tryOnce(ports, policy, attempt, attemptIndex);
    if (failure.kind === 'done') return failure.value;
    if (!mayRetry(failure.error, policy.idempotent)) throw failure.error;
    await waitBeforeRetry(ports, policy, attemptIndex, failure.error);
  }
}

/** True when the same call may be tried again without harm (P2). An error whose data say `sent: false` never reached the server. */
export function mayRetry(error: unknown, idempotent: boolean): boolean {
  return isMillraceError(error) && error.retry && (idempotent || error.data['sent'] === false);
}

/** Waits on the clock; `cancel` ends it early. */
export function sleep(ports: Pick<PolicyPorts, 'clock'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => { ports.clock.after(delayMs, resolve); });
}

type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly error: unknown };

async function tryOnce<T>(ports: PolicyPorts, policy: CallPolicy, attempt: (index: number) => Promise<T>, index: number): Promise<Outcome<T>> {
  const { breaker, what } = policy;
  if (remainingMs(ports.clock, policy.deadline) <= 0) {
    throw new MillraceError('timeout', `Cannot ${what}: the deadline passed before the call was made`, { sent: false });
  }
  if (breaker && !breaker.allows(ports.clock.monotonicMs())) {
    return { kind: 'failed', error: new MillraceError('circuit-open', `Cannot ${what}: '${breaker.endpoint}' failed too often and is given a pause`, { sent: false }) };
  }
  try {
    const value = await attempt(index);
    breaker?.succeeded();
    return { kind: 'done', value };
  } catch (error) {
    if (breaker) tellBreaker(breaker, error, ports.clock.monotonicMs());
    return { kind: 'failed', error };
  }
}

/** Only what says that the endpoint itself is sick counts against it; a refused argument is an answer. */
function tellBreaker(breaker: Breaker, error: unknown, nowMs: number): void {
  const sick = isMillraceError(error) && (error.code === 'disconnected' || error.code === 'timeout' || error.code === 'overloaded');
  if (sick) breaker.failed(nowMs);
  else breaker.succeeded();
}

async function waitBeforeRetry(ports: PolicyPorts, policy: CallPolicy, attemptIndex: number, error: unknown): Promise<void> {
  const { clock, random } = ports;
  if (policy.closed?.()) throw error;
  const delayMs = fullJitterMs(policy.backoff, attemptIndex, random.fraction());
  if (remainingMs(clock, policy.deadline) <= delayMs) throw outOf('time', policy.what, error);
  if (!policy.budget.takeRetry(clock.monotonicMs())) throw outOf('retry budget', policy.what, error);
  await sleep(ports, delayMs);
  if (policy.closed?.()) throw error;
}

function outOf(thing: 'time' | 'retry budget', what: string, cause: unknown): MillraceError {
  const last = cause instanceof Error ? cause.message : String(cause);
  const code = thing === 'time' ? 'timeout' : isMillraceError(cause) ? cause.code : 'overloaded';
  const data = isMillraceError(cause) ? cause.data : {};
  return new MillraceError(code, `Cannot ${what}: out of ${thing}; the last attempt said: ${last}`, { ...data, cause });
}
