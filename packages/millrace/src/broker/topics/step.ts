// broker/topics/step.ts - the life of topics as a state machine: state and event in, effects out.
// Owns: which changes are allowed when, and in what order their effects make them crash-safe. Never: I/O (topics.ts carries effects out).
// T1 A topic is shown once its record is durable, and its record is written once its partitions are: a crash leaves partitions without a
// topic, never a topic without partitions. T2 A topic is gone once its deletion is durable; its partitions follow, and a start
// removes those that a crash left. T3 One change per topic at a time.
// Format of the records: docs/formats/metadata-topic.md.
import { assert } from '../../base/mod.ts';
import { collisionKey } from './topic-name.ts';

/** What is durable about a topic. */
export interface TopicRecord {
  readonly name: string;
  /** Kafka's form of a UUID: 22 characters of base64url. */
  readonly id: string;
  readonly partitionCount: number;
  /** The topic's own configuration values. */
  readonly config: ReadonlyMap<string, string>;
}

/** A topic and what is under way with it: only a live one takes the next change. */
export type TopicState =
  | { readonly kind: 'creating'; readonly record: TopicRecord }
  | { readonly kind: 'live'; readonly record: TopicRecord }
  | { readonly kind: 'changing'; readonly record: TopicRecord; readonly next: TopicRecord }
  | { readonly kind: 'deleting'; readonly record: TopicRecord };

/** All topics. */
export interface TopicsState {
  readonly byName: Map<string, TopicState>;
  /** Names by their collision key. */
  readonly collisions: Map<string, string>;
}

/** What is asked for, and what came of the effects. */
export type TopicEvent =
  | { readonly kind: 'create'; readonly record: TopicRecord }
  | { readonly kind: 'grow'; readonly name: string; readonly partitionCount: number }
  | { readonly kind: 'configure'; readonly name: string; readonly config: ReadonlyMap<string, string> }
  | { readonly kind: 'delete'; readonly name: string }
  /** All effects of the change under way were carried out. */
  | { readonly kind: 'done'; readonly name: string }
  /** An effect of the change under way failed before its record was durable. */
  | { readonly kind: 'failed'; readonly name: string };

/** What the shell does, in this order, each once the one before has succeeded. */
export type TopicEffect =
  | { readonly kind: 'create-partitions'; readonly record: TopicRecord; readonly from: number; readonly to: number }
  | { readonly kind: 'write-record'; readonly record: TopicRecord }
  | { readonly kind: 'write-deletion'; readonly name: string }
  | { readonly kind: 'show'; readonly record: TopicRecord }
  | { readonly kind: 'hide'; readonly name: string }
  | { readonly kind: 'remove-partitions'; readonly name: string; readonly from: number; readonly to: number };

/** Why an event was refused; the shell maps it to Kafka's errors. */
export type TopicRefusal = 'exists' | 'collides' | 'not-found' | 'busy' | 'fewer-partitions' | 'same-partitions';

/** Effects, or a refusal with nothing changed. */
export type TopicStep = { readonly kind: 'effects'; readonly effects: readonly TopicEffect[] } | { readonly kind: 'refused'; readonly why: TopicRefusal; readonly other?: string };

/** No topics yet. */
export function emptyTopics(): TopicsState {
  return { byName: new Map(), collisions: new Map() };
}

/** Brings back what a record said, at start; null where it was deleted. */
export function replay(state: TopicsState, name: string, record: TopicRecord | null): void {
  forget(state, name);
  if (record !== null) remember(state, { kind: 'live', record });
}

/** Decides one event; changes `state` only when it answers with effects. */
export function step(state: TopicsState, event: TopicEvent): TopicStep {
  switch (event.kind) {
    case 'create': return create(state, event.record);
    case 'grow': return grow(state, event.name, event.partitionCount);
    case 'configure': return configure(state, event.name, event.config);
    case 'delete': return remove(state, event.name);
    case 'done': return done(state, event.name);
    case 'failed': return failed(state, event.name);
  }
}

/** Why a topic of this name cannot be created now; null when it can. */
export function refusalOfCreate(state: TopicsState, name: string): { why: TopicRefusal; other?: string } | null {
  const there = state.byName.get(name);
  if (there) return { why: there.kind === 'deleting' ? 'busy' : 'exists' };
  const other = state.collisions.get(collisionKey(name));
  return other === undefined ? null : { why: 'collides', other };
}

function create(state: TopicsState, record: TopicRecord): TopicStep {
  const refusal = refusalOfCreate(state, record.name);
  if (refusal !== null) return { kind: 'refused', ...refusal };
  remember(state, { kind: 'creating', record });
  return effects(
    { kind: 'create-partitions', record, from: 0, to: record.partitionCount },
    { kind: 'write-record', record },
    { kind: 'show', record },
  );
}

function grow(state: TopicsState, name: string, partitionCount: number): TopicStep {
  const topic = state.byName.get(name);
  if (topic?.kind !== 'live') return refused(topic ? 'busy' : 'not-found');
  const { record } = topic;
  if (partitionCount === record.partitionCount) return refused('same-partitions');
  if (partitionCount < record.partitionCount) return refused('fewer-partitions');
  const next = { ...record, partitionCount };
  state.byName.set(name, { kind: 'changing', record, next });
  return effects(
    { kind: 'create-partitions', record: next, from: record.partitionCount, to: partitionCount },
    { kind: 'write-record', record: next },
    { kind: 'show', record: next },
  );
}

function configure(state: TopicsState, name: string, config: ReadonlyMap<string, string>): TopicStep {
  const topic = state.byName.get(name);
  if (topic?.kind !== 'live') return refused(topic ? 'busy' : 'not-found');
  const next = { ...topic.record, config };
  state.byName.set(name, { kind: 'changing', record: topic.record, next });
  return effects({ kind: 'write-record', record: next }, { kind: 'show', record: next });
}

function remove(state: TopicsState, name: string): TopicStep {
  const topic = state.byName.get(name);
  if (topic?.kind !== 'live') return refused(topic ? 'busy' : 'not-found');
  const { record } = topic;
  state.byName.set(name, { kind: 'deleting', record });
  return effects(
    { kind: 'write-deletion', name },
    { kind: 'hide', name },
    { kind: 'remove-partitions', name, from: 0, to: record.partitionCount },
  );
}

function done(state: TopicsState, name: string): TopicStep {
  const topic = state.byName.get(name);
  assert(topic !== undefined && topic.kind !== 'live', 'T3: a change was under way');
  if (topic.kind === 'deleting') forget(state, name);
  else state.byName.set(name, { kind: 'live', record: topic.kind === 'changing' ? topic.next : topic.record });
  return effects();
}

/** Nothing of the change became durable: partitions made for it go away, all else is as it was. */
function failed(state: TopicsState, name: string): TopicStep {
  const topic = state.byName.get(name);
  assert(topic !== undefined && topic.kind !== 'live', 'T3: a change was under way');
  if (topic.kind === 'creating') {
    forget(state, name);
    return effects({ kind: 'remove-partitions', name, from: 0, to: topic.record.partitionCount });
  }
  state.byName.set(name, { kind: 'live', record: topic.record });
  if (topic.kind === 'changing' && topic.next.partitionCount > topic.record.partitionCount) {
    return effects({ kind: 'remove-partitions', name, from: topic.record.partitionCount, to: topic.next.partitionCount });
  }
  return effects();
}

const refused = (why: TopicRefusal): TopicStep => ({ kind: 'refused', why });
const effects = (...list: readonly TopicEffect[]): TopicStep => ({ kind: 'effects', effects: list });

function remember(state: TopicsState, topic: TopicState): void {
  state.byName.set(topic.record.name, topic);
  state.collisions.set(collisionKey(topic.record.name), topic.record.name);
}

function forget(state: TopicsState, name: string): void {
  if (state.byName.delete(name)) state.collisions.delete(collisionKey(name));
}
