// Two looks and what happened between them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Figures, NodeFigures } from './figures.ts';
import { keysIn } from './keys.ts';
import { quantile, Rates } from './rates.ts';
import { readFigures } from './read-metrics.ts';
import { sparkline } from './sparkline.ts';

const topic = (recordsIn: number, bytesIn: number | null = null) => ({ partitions: 1, recordsIn, bytesIn, recordsOut: null, bytesOut: null, sizeBytes: null });
const look = (atMs: number, topics: Figures['topics'], groups: Figures['groups'] = new Map(), node: NodeFigures | null = null): Figures => ({ atMs, topics, groups, node, omitted: 0 });

test('rates are differences over time; what is new has none yet, and neither has a counter that began anew', () => {
  const rates = new Rates();
  assert.equal(rates.add(look(0, new Map([['a', topic(100)], ['b', topic(50)]]))), null);
  const view = rates.add(look(2_000, new Map([['a', topic(300)], ['b', topic(10)], ['c', topic(7)]])))!;
  assert.deepEqual(view.topics.map(({ topic: name, recordsIn, bytesIn }) => [name, recordsIn, bytesIn]), [['a', 100, null], ['b', null, null], ['c', null, null]]);
  assert.deepEqual([view.total.recordsIn, view.total.bytesIn], [100, null]);
});

test('a group: how its lag grows or shrinks', () => {
  const rates = new Rates();
  const group = (lag: number) => new Map([['g', { state: 'Stable', members: 1, lag, lagSeconds: 3 }]]);
  rates.add(look(0, new Map(), group(100)));
  assert.equal(rates.add(look(1_000, new Map(), group(40)))!.groups[0]!.lagRate, -60);
  assert.deepEqual(rates.add(look(1_500, new Map(), group(90)))!.groups[0], { group: 'g', state: 'Stable', members: 1, lag: 90, lagSeconds: 3, lagRate: 100, history: [40, 90] });
});

test('quantiles lie within their bucket, as Prometheus estimates them', () => {
  const bounds = [0.001, 0.01, 0.1, Infinity];
  assert.equal(quantile(bounds, [0, 0, 0, 0], 0.5), null);
  assert.equal(quantile(bounds, [100, 100, 100, 100], 0.5), 0.0005);
  assert.ok(Math.abs(quantile(bounds, [0, 50, 100, 100], 0.75)! - 0.055) < 1e-9);
  assert.equal(quantile(bounds, [0, 0, 0, 10], 0.99), 0.1, 'past the last bound all that is known is the bound');
});

test('the text of a node becomes figures: requests and syncs with their quantiles, sums by group, names with anything in them', () => {
  const text = (requests: number) => `# HELP x x
millrace_info{version="1.2.3",node_id="1",cluster_id="C"} 1
millrace_ready 1
millrace_log_state{state="open"} 1
millrace_start_time_seconds 100
millrace_topic_partitions{topic="a\\"b"} 2
millrace_topic_partitions{topic="__hidden"} 1
kafka_server_brokertopicmetrics_messagesin_total{topic="a\\"b"} ${requests * 10}
kafka_consumergroup_state{consumergroup="g",state="Stable"} 1
kafka_consumergroup_members{consumergroup="g"} 2
kafka_consumergroup_lag{consumergroup="g",topic="x"} 3
kafka_consumergroup_lag{consumergroup="g",topic="y"} 4
kafka_consumergroup_lag_seconds{consumergroup="g",topic="x"} 1.5
kafka_consumergroup_lag_seconds{consumergroup="g",topic="y"} 9
kafka_network_requestmetrics_requests_total{request="Produce"} ${requests}
kafka_network_requestmetrics_totaltime_seconds_bucket{request="Produce",le="0.001"} ${requests}
kafka_network_requestmetrics_totaltime_seconds_bucket{request="Produce",le="+Inf"} ${requests}
something_new{of="a newer node"} 5
`;
  const rates = new Rates();
  const first = readFigures(text(100), 0);
  assert.equal(first.clusterId, 'C');
  rates.add(first.figures);
  const view = rates.add(readFigures(text(300), 1_000).figures)!;
  assert.deepEqual(view.topics.map(({ topic: name, recordsIn, partitions }) => [name, recordsIn, partitions]), [['a"b', 2_000, 2]]);
  assert.deepEqual(view.groups.map(({ group, lag, lagSeconds, members }) => [group, lag, lagSeconds, members]), [['g', 7, 9, 2]]);
  assert.deepEqual(view.node!.requests, [{ api: 'Produce', perSecond: 200, p50: 0.0005, p99: 0.00099 }]);
  assert.equal(view.node!.figures.version, '1.2.3');
});

test('a row of bars; keys, also several at once and unknown ones', () => {
  assert.equal(sparkline([0, 5, 10], 4), ' ▁▅█');
  assert.equal(sparkline([0, 0], 2), '▁▁');
  assert.equal(sparkline([1, 2, 3, 4], 2), '▆█');
  assert.deepEqual(keysIn('s\x1b[A\x1b[6~xZ\x1b[Zq'), ['next-order', 'up', 'page-down', 'quit']);
  assert.deepEqual(keysIn('\x03'), ['quit']);
});
