// Values and levels of configuration: what text is accepted, and which level wins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { checkConfigValue, configList, configNumber } from './definition.ts';
import { NodeConfig } from './node-config.ts';
import { nodeDefinitions } from './node-definitions.ts';
import { checkTopicConfig, resolveTopicSettings, topicConfigLevels } from './topic-config.ts';
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
  accepts('cleanup.policy', 'delete');
  for (const text of ['', 'compact', 'delete,compact', 'keep']) refuses('cleanup.policy', text);
  for (const text of ['zstd', 'uncompressed', 'Producer']) refuses('compression.type', text);
  refuses('millrace.durability', 'none');
  refuses('toString', 'x');
});

test('every default passes its own check, and every topic key that names a node key inherits from one of its kind', () => {
  for (const definitions of [topicDefinitions, nodeDefinitions]) {
    for (const definition of definitions.values()) {
      if (definition.defaultText !== null && definition.defaultText !== '') checkConfigValue(definition, definition.defaultText);
      assert.ok(definition.documentation.endsWith('.'), definition.name);
    }
  }
  const ownOnly = [...topicDefinitions.values()].filter(({ nodeName }) => nodeName === undefined).map(({ name }) => name);
  assert.deepEqual(ownOnly, ['millrace.import.from', 'millrace.key.schema', 'millrace.value.schema']);
  for (const definition of topicDefinitions.values()) {
    if (definition.nodeName === undefined) continue;
    const node = nodeDefinitions.get(definition.nodeName!);
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
    messageBytesMax: 5, timestampType: 'LogAppendTime', timestampBeforeMaxMs: 8, timestampAfterMaxMs: 9, insyncReplicasMin: 2, importFrom: '', schemas: null,
    partition: { segmentBytes: 1048576, segmentMs: 6, retentionBytes: 7, retentionMs: 10, durability: 'page-cache' },
  });
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
