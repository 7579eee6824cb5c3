// Values and levels of configuration: what text is accepted, and which level wins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { checkConfigValue, configList, configNumber } from './definition.ts';
import { NodeConfig } from './node-config.ts';
import { groupDefinitions } from './group-definitions.ts';
import { nodeDefinitions } from './node-definitions.ts';
import { checkTogether, checkTopicConfig, resolveTopicSettings, topicConfigLevels } from './topic-config.ts';
import { topicDefinitions } from './topic-definitions.ts';

const refuses = (name: string, text: string) => assert.throws(() => checkTopicConfig(new Map([[name, text]])), (error) => isMillraceError(error, 'invalid-argument'), `${name}=${text}`);
const accepts = (name: string, text: string) => checkTopicConfig(new Map([[name, text]]));

test('texts that are values, and texts that are not', () => {
  for (const text of ['-1', '0', ' 5 ', '+7', '9223372036854775807']) accepts('retention.ms', text);
  for (const text of ['-2', '', 'x', '1.5', '1e3', '9223372036854775808']) refuses('retention.ms', text);
  accepts('segment.bytes', '2147483647');
  for (const text of ['2147483648', '1048575', '14']) refuses('segment.bytes', text);
  for (const text of ['true', 'FALSE', ' true ']) accepts('unclean.leader.election.enable', text);
  for (const text of ['yes', '1', '']) refuses('unclean.leader.election.enable', text);
  for (const text of ['delete', 'compact', 'delete,compact', ' compact , delete ', 'compact,compact', '']) accepts('cleanup.policy', text);
  for (const text of ['keep', 'compact,', ',', 'Compact']) refuses('cleanup.policy', text);
  for (const text of ['0', '1', '0.5', ' 1E-3 ']) accepts('min.cleanable.dirty.ratio', text);
  for (const text of ['-0.1', '1.01', 'NaN', '', 'half']) refuses('min.cleanable.dirty.ratio', text);
  for (const text of ['true', 'TRUE']) refuses('remote.storage.enable', text);
  accepts('remote.storage.enable', 'false');
  for (const text of ['*', '', '0:1,1:1']) accepts('leader.replication.throttled.replicas', text);
  for (const text of ['0', '0:1;1:1', 'all']) refuses('follower.replication.throttled.replicas', text);
  for (const text of ['0', '10', '-2']) refuses('compression.gzip.level', text);
  for (const text of ['zstd', 'uncompressed', 'Producer']) refuses('compression.type', text);
  refuses('millrace.durability', 'none');
  refuses('toString', 'x');
});

test('every default passes its own check, and every topic and group key inherits from a node key of its kind, if from any', () => {
  for (const definitions of [topicDefinitions, groupDefinitions, nodeDefinitions]) {
    for (const definition of definitions.values()) {
      if (definition.defaultText !== null && definition.defaultText !== '') checkConfigValue(definition, definition.defaultText);
      assert.ok(definition.documentation.endsWith('.'), definition.name);
    }
  }
  const withoutNode = [...topicDefinitions.values()].filter(({ nodeName }) => nodeName === undefined).map(({ name }) => name);
  assert.deepEqual(withoutNode.sort(), [
    'errors.deadletterqueue.group.enable', 'follower.replication.throttled.replicas', 'leader.replication.throttled.replicas', 'millrace.import.from', 'millrace.key.schema', 'millrace.value.schema',
    'remote.log.copy.disable', 'remote.log.delete.on.disable', 'remote.storage.enable',
  ]);
  for (const definition of groupDefinitions.values()) {
    const node = definition.nodeName === undefined ? definition : nodeDefinitions.get(definition.nodeName);
    assert.deepEqual([node?.kind, node?.defaultText], [definition.kind, definition.defaultText], definition.name);
  }
  for (const definition of topicDefinitions.values()) {
    if (definition.nodeName === undefined) continue;
    const node = nodeDefinitions.get(definition.nodeName);
    assert.deepEqual([node?.kind, node?.defaultText, node?.min, node?.max, node?.dynamic], [definition.kind, definition.defaultText, definition.min, definition.max, true], definition.name);
  }
});

test('a number past 2^53 stands for ever', () => {
  assert.equal(configNumber('9223372036854775807'), Number.MAX_SAFE_INTEGER);
  assert.deepEqual(configList(' a, b,,c '), ['a', 'b', 'c']);
});

test('levels: the topic, this node, all nodes, the start, the default', () => {
  const node = new NodeConfig({ 'log.retention.ms': '4' });
  const levels = (own: Record<string, string> = {}) => topicConfigLevels(new Map(Object.entries(own)), node, 'retention.ms').map(({ text, source }) => `${text} ${source}`);
  assert.deepEqual(levels(), ['4 static', '604800000 default']);
  node.setAltered('all-nodes', new Map([['log.retention.ms', '3']]));
  node.setAltered('node', new Map([['log.retention.ms', '2']]));
  assert.deepEqual(levels({ 'retention.ms': '1' }), ['1 topic', '2 node', '3 all-nodes', '4 static', '604800000 default']);
  assert.equal(node.number('log.retention.ms'), 2);
  node.setAltered('node', new Map());
  assert.equal(node.number('log.retention.ms'), 3, 'what is remembered is forgotten at a change');
  assert.equal(resolveTopicSettings(new Map([['max.message.bytes', '5'], ['message.timestamp.type', 'LogAppendTime'], ['min.insync.replicas', '2'], ['segment.ms', '6'], ['retention.bytes', '7'], ['segment.bytes', '1048576']]), node).partition.retentionMs, 3);
});

test('settings are the values in force, each in its place', () => {
  const own = { 'max.message.bytes': '5', 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.before.max.ms': '8', 'message.timestamp.after.max.ms': '9', 'min.insync.replicas': '2',
    'segment.ms': '6', 'retention.bytes': '7', 'segment.bytes': '1048576', 'retention.ms': '10', 'millrace.durability': 'page-cache' };
  assert.deepEqual(resolveTopicSettings(new Map(Object.entries(own)), new NodeConfig()), {
    messageBytesMax: 5, timestampType: 'LogAppendTime', timestampBeforeMaxMs: 8, timestampAfterMaxMs: 9, insyncReplicasMin: 2, compacted: false, deletes: true, importFrom: '', schemas: null,
    partition: {
      segmentBytes: 1048576, segmentMs: 6, retentionBytes: 7, retentionMs: 10, durability: 'page-cache', segmentJitterMs: 0, segmentIndexBytes: 10485760, indexIntervalBytes: 4096,
      fileDeleteDelayMs: 60000,
    },
  });
});

test('a policy without delete keeps every segment, one with compact says how', () => {
  const settings = (own: Record<string, string>) => resolveTopicSettings(new Map(Object.entries(own)), new NodeConfig({ 'log.cleaner.min.cleanable.ratio': '0.1' }));
  const { compacted, deletes, partition } = settings({ 'cleanup.policy': 'compact', 'retention.ms': '5', 'retention.bytes': '5', 'delete.retention.ms': '7' });
  assert.deepEqual([compacted, deletes, partition.retentionMs, partition.retentionBytes], [true, false, -1, -1]);
  assert.deepEqual(partition.compaction, { dirtyRatioMin: 0.1, lagMsMin: 0, lagMsMax: Number.MAX_SAFE_INTEGER, deleteRetentionMs: 7 });
  const both = settings({ 'cleanup.policy': 'compact,delete', 'retention.ms': '5' });
  assert.deepEqual([both.compacted, both.deletes, both.partition.retentionMs], [true, true, 5]);
  const neither = settings({ 'cleanup.policy': '' });
  assert.deepEqual([neither.compacted, neither.deletes, neither.partition.retentionMs, neither.partition.compaction], [false, false, -1, undefined]);
});

test('lags that contradict each other are refused, also over what the node says', () => {
  const check = (own: Record<string, string>, node: Record<string, string> = {}) => checkTogether(new Map(Object.entries(own)), new NodeConfig(node));
  check({ 'min.compaction.lag.ms': '5', 'max.compaction.lag.ms': '5' });
  assert.throws(() => check({ 'min.compaction.lag.ms': '6', 'max.compaction.lag.ms': '5' }), /conflict topic config setting min.compaction.lag.ms \(6\) > max.compaction.lag.ms \(5\)/);
  assert.throws(() => check({ 'min.compaction.lag.ms': '6' }, { 'log.cleaner.max.compaction.lag.ms': '5' }), (error) => isMillraceError(error, 'invalid-argument'));
});

test('older keys in hours and minutes: the finest unit counts', () => {
  const retention = (given: Record<string, string>) => new NodeConfig(given).text('log.retention.ms');
  assert.equal(retention({ 'log.retention.hours': '2' }), '7200000');
  assert.equal(retention({ 'log.retention.hours': '2', 'log.retention.minutes': '3' }), '180000');
  assert.equal(retention({ 'log.retention.hours': '2', 'log.retention.ms': '5' }), '5');
  assert.equal(retention({ 'log.retention.hours': '-1' }), '-1');
  assert.equal(new NodeConfig({ 'log.roll.hours': '1' }).text('log.roll.ms'), '3600000');
  assert.throws(() => new NodeConfig({ 'log.retention.hours': 'many' }), (error) => isMillraceError(error, 'invalid-argument'));
});
