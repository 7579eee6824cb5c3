// client/consumer/subscription.ts - which topics a consumer reads: those it names, or those whose names match its pattern.
// Owns: matching. Pure. Never: asking for metadata. T1 a pattern never takes up the servers' internal topics.
import type { ClusterView } from '../net/metadata.ts';

/** What a consumer subscribed to. */
export type Subscribed = { readonly kind: 'names'; readonly names: readonly string[] } | { readonly kind: 'pattern'; readonly pattern: RegExp };

/** From what a caller gave. A pattern is copied without the flags that make matching depend on the match before. */
export function subscribedTo(topics: readonly string[] | RegExp): Subscribed {
  if (!(topics instanceof RegExp)) return { kind: 'names', names: topics };
  return { kind: 'pattern', pattern: new RegExp(topics.source, topics.flags.replace(/[gy]/g, '')) };
}

/**
 * The pattern in the servers' syntax (RE2), which must match a name as a whole, where RegExp.test looks for a part. What RE2 does not have (looking
 * around, backreferences) is refused by the server.
 */
export function serverPattern({ source, flags }: RegExp): string {
  const modes = [...flags].filter((flag) => flag === 'i' || flag === 's').join('');
  return `${modes === '' ? '' : `(?${modes})`}.*(?:${source}).*`;
}

/** The topics now, by name; those of a pattern rise. */
export function topicsOf(subscribed: Subscribed, view: ClusterView): readonly string[] {
  if (subscribed.kind === 'names') return subscribed.names;
  const { pattern } = subscribed;
  return [...view.topics.values()].filter((topic) => !topic.isInternal && pattern.test(topic.name)).map((topic) => topic.name).sort(); // T1
}
