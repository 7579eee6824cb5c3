// The life of topics, told as text: what is allowed when, and in which order it becomes durable.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyTopics, replay, step, type TopicEvent, type TopicsState } from './step.ts';

function eventOf(line: string): TopicEvent {
  const [kind, name, number] = line.split(' ') as [string, string, string | undefined];
  switch (kind) {
    case 'create': return { kind, record: { name, id: `id-${name}`, partitionCount: Number(number), config: new Map() } };
    case 'grow': return { kind, name, partitionCount: Number(number) };
    case 'configure': return { kind, name, config: new Map([['retention.ms', '1']]) };
    case 'delete': case 'done': case 'failed': return { kind, name };
    default: throw new Error(line);
  }
}

function tell(state: TopicsState, line: string): string {
  const result = step(state, eventOf(line));
  if (result.kind === 'refused') return `${line} -> refused: ${result.why}${result.other === undefined ? '' : ` ${result.other}`}`;
  const effects = result.effects.map((effect) => ('from' in effect ? `${effect.kind} ${effect.from}..${effect.to}` : effect.kind));
  return `${line} -> ${effects.join(', ') || 'nothing'}`;
}

function tells(lines: readonly string[], state = emptyTopics()): TopicsState {
  assert.deepEqual(lines.map((line) => tell(state, line.split(' -> ')[0]!)), lines);
  return state;
}

test('a topic is shown after its record, which follows its partitions; it goes the other way round', () => {
  tells([
    'create a 3 -> create-partitions 0..3, write-record, show',
    'done a -> nothing',
    'grow a 5 -> create-partitions 3..5, write-record, show',
    'done a -> nothing',
    'configure a -> write-record, show',
    'done a -> nothing',
    'delete a -> write-deletion, hide, remove-partitions 0..5',
    'done a -> nothing',
    'delete a -> refused: not-found',
  ]);
});

test('one change at a time', () => {
  tells([
    'create a 1 -> create-partitions 0..1, write-record, show',
    'create a 1 -> refused: exists',
    'delete a -> refused: busy',
    'grow a 2 -> refused: busy',
    'done a -> nothing',
    'delete a -> write-deletion, hide, remove-partitions 0..1',
    'create a 1 -> refused: busy',
    'done a -> nothing',
    'create a 1 -> create-partitions 0..1, write-record, show',
  ]);
});

test('what failed is as if it had not been tried', () => {
  tells([
    'create a 2 -> create-partitions 0..2, write-record, show',
    'failed a -> remove-partitions 0..2',
    'delete a -> refused: not-found',
    'create a 2 -> create-partitions 0..2, write-record, show',
    'done a -> nothing',
    'grow a 4 -> create-partitions 2..4, write-record, show',
    'failed a -> remove-partitions 2..4',
    'grow a 2 -> refused: same-partitions',
    'grow a 1 -> refused: fewer-partitions',
    'delete a -> write-deletion, hide, remove-partitions 0..2',
    'failed a -> nothing',
    'configure a -> write-record, show',
  ]);
});

test("names that differ only in '.' and '_' collide", () => {
  tells([
    'create a.b 1 -> create-partitions 0..1, write-record, show',
    'create a_b 1 -> refused: collides a.b',
    'failed a.b -> remove-partitions 0..1',
    'create a_b 1 -> create-partitions 0..1, write-record, show',
  ]);
});

test('records read at start: the last one counts', () => {
  const state = emptyTopics();
  const record = { name: 'a', id: 'x', partitionCount: 1, config: new Map<string, string>() };
  replay(state, 'a', record);
  replay(state, 'a', { ...record, partitionCount: 3 });
  replay(state, 'b', { ...record, name: 'b' });
  replay(state, 'b', null);
  assert.deepEqual([...state.byName.values()].map((topic) => [topic.kind, topic.record.name, topic.record.partitionCount]), [['live', 'a', 3]]);
  tells(['grow a 3 -> refused: same-partitions', 'create b 1 -> create-partitions 0..1, write-record, show'], state);
});
