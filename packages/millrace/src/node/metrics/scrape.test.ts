// A scrape of a large node takes turns with its other work, and lists no more than it should.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/mod.ts';
import { connect } from '../../client/mod.ts';
import { World } from '../../testing/mod.ts';
import { startNode } from '../mod.ts';
import { collect } from './collect.ts';
import { Exposition } from './exposition.ts';
import { noProcessFigures } from './process-figures.ts';
import { readStrictly, valueOf } from './strict-text.ts';

test('ten thousand partitions are told in many small turns, and other work is done between them', async () => {
  const world = new World(3);
  const { machine } = world.start('node', 'host');
  await world.time.settle((async () => {
    const node = await startNode({ machine, data: 'data', host: 'host', port: 9092, tailBytes: 4 << 20, journalFileBytes: 4 << 20 });
    const client = await connect('host:9092', { machine: world.start('client', 'elsewhere').machine });
    await client.admin().createTopics([{ topic: 'wide', partitions: 10_000 }, { topic: 'narrow' }]);
    let turns = 0;
    let scraping = true;
    const tick = (): void => { if (scraping) { turns++; machine.clock.after(limits.metrics.turnPauseMs / 2, tick); } };
    tick();
    const text = await node.metrics({ detail: 'partition' });
    scraping = false;
    const lines = text.split('\n').length;
    assert.ok(lines > 50_000, `${lines} lines`);
    assert.ok(turns >= lines / limits.metrics.turnLinesMax / 2, `${turns} turns of others in ${lines} lines`);
    const told = readStrictly(text);
    assert.equal(valueOf(told, 'kafka_log_log_logendoffset', { topic: 'wide', partition: '9999' }), 0);
    assert.equal(valueOf(told, 'millrace_metrics_omitted', { what: 'partitions' }), 0);
    assert.ok((await node.metrics()).length < 60_000, 'without the detail the text is short, however many partitions there are');
    await client.close();
    await node.close();
  })());
});

test('each step is short: the walk stops after a few lines wherever it may be long', () => {
  const partitions = 1_000;
  const topic = { name: 'wide', partitions: [] as object[], traffic: {} };
  for (let index = 0; index < partitions; index++) topic.partitions.push({ topic, index, log: { sizeBytes: 1, logStartOffset: 0, endOffset: 5, highWatermark: 5 }, lastStableOffset: 5 });
  const out = new Exposition('prometheus');
  const steps = collect(observedWith([topic]), { process: figures, diskFreeBytes: null }, { perPartition: true }, out);
  let longest = 0;
  while (steps.next().done !== true) { longest = Math.max(longest, out.lines); out.take(); }
  assert.ok(longest > 0 && longest <= limits.metrics.turnLinesMax, `${longest} lines at once`);
});

test('past the bounds on topics and groups the rest is counted, not listed', () => {
  const beyond = 7;
  const topics = Array.from({ length: limits.metrics.topicsMax + beyond }, (_, number) => ({ name: `t${number}`, partitions: [], traffic: {} }));
  const groups = Array.from({ length: limits.metrics.groupsMax + beyond }, (_, number) => ({ id: `g${number}`, phase: { kind: 'empty' }, members: new Map(), offsets: new Map() }));
  const out = new Exposition('prometheus');
  for (const _step of collect(observedWith(topics, groups), { process: figures, diskFreeBytes: null }, { perPartition: false }, out)) { /* to the end */ }
  const told = readStrictly(out.take());
  assert.equal(told.get('millrace_topic_partitions')!.samples.length, limits.metrics.topicsMax);
  assert.equal(told.get('kafka_consumergroup_members')!.samples.length, limits.metrics.groupsMax);
  assert.deepEqual(['topics', 'groups'].map((what) => valueOf(told, 'millrace_metrics_omitted', { what })), [beyond, beyond]);
  assert.equal(valueOf(told, 'kafka_coordinator_group_groupcount', { state: 'Empty' }), limits.metrics.groupsMax + beyond);
});

const figures = await noProcessFigures();

/** Just enough of a node for the walk. */
function observedWith(topics: readonly { name: string; partitions: readonly object[]; traffic: object }[], groups: readonly object[] = []) {
  const histogram = { bounds: [1], counts: new Float64Array(2), sum: 0, count: 0 };
  const stats = new Proxy({}, { get: (_target, name) => (/Ms$|groupBytes$/.test(String(name)) && !/AgeMs|WaitMs/.test(String(name)) ? histogram : 0) });
  const metrics = { requests: { all: () => [] }, connections: { accepted: 0, refused: 0, aborted: 0, idle: 0, pauses: 0 }, transactionsEnded: { commit: 0, abort: 0 } };
  for (const topic of topics) Object.assign(topic.traffic, { recordsIn: 0, bytesIn: 0, bytesOut: 0, recordsOut: 0, produceRequests: 0, fetchRequests: 0, produceFailures: 0, fetchFailures: 0 });
  return {
    broker: {
      services: { nodeId: 1, clusterId: 'c', metrics, topics: { all: new Map(topics.map((topic) => [topic.name, topic])), partitionCount: 0, byName: () => undefined } },
      groups: { all: () => groups }, connections: { open: 0, evicted: 0 }, memory: { requestBytes: 0, responseBytes: 0 }, memoryMax: { requestBytes: 0, responseBytes: 0 },
      transactions: { figures: () => ({ open: 0, oldestMs: 0, ids: 0 }) },
    },
    log: { state: { kind: 'open' }, stats: () => stats }, clock: { nowMs: () => 0 }, stalls: null, startedMs: 0, version: '0', readiness: () => ({ ready: true }),
  } as unknown as Parameters<typeof collect>[0];
}
