// broker/group/consumer/topics-changed.ts - topics came, grew or went: what a consumer group reads is another.
// Owns: that event. Never: who matches patterns to names (topic-patterns.ts).
import type { Turn } from '../turn.ts';
import { fingerprintOf, nextEpoch } from './assign.ts';
import { Change } from './change.ts';

/** Takes over what patterns stand for now, and divides anew if that, or a topic that is read, is another than before. */
export function topicsChanged(turn: Turn, matching: ReadonlyMap<string, readonly string[]>): void {
  const { phase, config } = turn.group;
  if (phase.kind !== 'consumer' || phase.membership.members.size === 0) return;
  const { membership } = phase;
  const change = new Change(turn, membership);
  let isChanged = false;
  for (const [pattern, topics] of membership.patterns) {
    const now = matching.get(pattern);
    if (now === undefined || now.join() === topics.join()) continue;
    membership.patterns.set(pattern, now);
    change.note('pattern', pattern);
    isChanged = true;
  }
  if (isChanged || fingerprintOf(membership, config.topics) !== membership.fingerprint) nextEpoch(change);
  change.write();
}
