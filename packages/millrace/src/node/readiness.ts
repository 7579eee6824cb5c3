// node/readiness.ts - whether a node should be given work now, and why not.
// Owns: the judgement. Never: the log's states. Whoever balances load or waits for a start asks this; it is not about being alive.
import type { LogState, LogStats } from '../log/mod.ts';

/** Ready, or the reason why not: a word for programs and a sentence for people. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: 'starting' | 'stopping' | 'log-full' | 'log-failed' | 'disk-slow' | 'not-answering'; readonly message: string };

/** A disk that has not confirmed a sync for this long is as good as none. */
const syncMsMax = 10_000;

/** The judgement over a node that has started. */
export function readinessOf(state: LogState, { groupWaitMs }: Pick<LogStats, 'groupWaitMs'>): Readiness {
  switch (state.kind) {
    case 'full': return { ready: false, reason: 'log-full', message: 'there is no room on the disk: records are refused until there is' };
    case 'failed': return { ready: false, reason: 'log-failed', message: `the log takes no more records until the node is restarted: ${state.reason}` };
    case 'closed': return { ready: false, reason: 'stopping', message: 'the node is stopping' };
    case 'open': return groupWaitMs < syncMsMax ? { ready: true } : { ready: false, reason: 'disk-slow', message: `the disk has not confirmed a sync for ${Math.round(groupWaitMs / 1000)} s` };
  }
}

/** Before the node has started. */
export const starting: Readiness = { ready: false, reason: 'starting', message: 'the node is starting' };
/** From the moment on that it was told to stop. */
export const stopping: Readiness = { ready: false, reason: 'stopping', message: 'the node is stopping' };
