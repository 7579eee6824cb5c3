// broker/group/judge-commit.ts - which offsets of a commit count, in groups of either protocol.
// Owns: where the two meet. Never: their rules (offsets.ts, pending.ts, consumer/commit.ts).
import { errorCodes } from '../../wire/mod.ts';
import { commitVerdict } from './consumer/commit.ts';
import type { CodeReply, CommitEvent, OffsetEntry, PendEvent } from './effects.ts';
import type { Group } from './group.ts';

/** Which entries of a commit count, and what to answer for the others; `faultOf` judges commits to classic groups. */
export function judgeCommit<Event extends CommitEvent | PendEvent>(group: Group, event: Event, faultOf: (group: Group, event: Event) => number): CodeReply & { readonly entries: readonly OffsetEntry[] } {
  const { errorCode, refused } = group.phase.kind === 'consumer' ? commitVerdict(group.phase.membership, event) : { errorCode: faultOf(group, event), refused: null };
  if (refused === null) return { errorCode, entries: errorCode === errorCodes.NONE ? event.entries : [] };
  if (refused.size === event.entries.length) return { errorCode, entries: [] };
  return { errorCode: errorCodes.NONE, entries: event.entries.filter((entry) => !refused.has(entry)), ...(refused.size > 0 ? { refused: { entries: refused, errorCode } } : {}) };
}
