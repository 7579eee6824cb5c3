// broker/config/topic-config.ts - a topic's configuration in force, as numbers that hot paths read.
// Owns: checking a topic's own values, and resolving them over the node's.
import { MillraceError } from '../../base/mod.ts';
import type { PartitionConfig } from '../../log/mod.ts';
import { checkConfigValue, configNumber } from './definition.ts';
import type { TopicSchemas } from '../produce/validator.ts';
import type { ConfigValue, NodeConfig } from './node-config.ts';
import { topicDefinitions } from './topic-definitions.ts';

/** What produce, fetch and the log need of a topic's configuration. */
export interface TopicSettings {
  readonly messageBytesMax: number;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  readonly insyncReplicasMin: number;
  /** Where the topic is being moved from; '' when it is an ordinary one. */
  readonly importFrom: string;
  /** JSON Schemas of keys and values; null when the topic has none. */
  readonly schemas: TopicSchemas | null;
  readonly partition: PartitionConfig;
}

/** What stands before the source of a topic whose move is over. */
export const importDone = 'done:';

/** Throws 'invalid-argument' unless every key exists and every value passes. */
export function checkTopicConfig(values: ReadonlyMap<string, string>): void {
  for (const [name, text] of values) {
    const definition = topicDefinitions.get(name);
    if (!definition) throw new MillraceError('invalid-argument', `Unknown topic config name: ${name}`, { name });
    checkConfigValue(definition, text);
  }
}

/** All levels that set a topic's key, strongest first: the topic, then the node's levels under the node's name. */
export function topicConfigLevels(values: ReadonlyMap<string, string>, node: NodeConfig, name: string): ConfigValue[] {
  const definition = topicDefinitions.get(name);
  const own = values.get(name);
  const found: ConfigValue[] = own === undefined ? [] : [{ name, text: own, source: 'topic' }];
  const byDefault: ConfigValue[] = definition === undefined ? [] : [{ name, text: definition.defaultText ?? '', source: 'default' }];
  const below = definition?.nodeName === undefined ? byDefault : node.levels(definition.nodeName);
  return [...found, ...below];
}

/** Null for a topic without any. */
export function schemasOf(key = '', value = ''): TopicSchemas | null {
  return key === '' && value === '' ? null : { key, value };
}

/** Resolves a topic's values over the node's. The values have been checked. */
export function resolveTopicSettings(values: ReadonlyMap<string, string>, node: NodeConfig): TopicSettings {
  const text = (name: string): string => topicConfigLevels(values, node, name)[0]?.text ?? topicDefinitions.get(name)!.defaultText!;
  const number = (name: string): number => configNumber(text(name));
  return {
    messageBytesMax: number('max.message.bytes'),
    timestampType: text('message.timestamp.type') as TopicSettings['timestampType'],
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    insyncReplicasMin: number('min.insync.replicas'),
    importFrom: text('millrace.import.from').startsWith(importDone) ? '' : text('millrace.import.from'),
    schemas: schemasOf(text('millrace.key.schema'), text('millrace.value.schema')),
    partition: {
      segmentBytes: number('segment.bytes'),
      segmentMs: number('segment.ms'),
      retentionBytes: number('retention.bytes'),
      retentionMs: number('retention.ms'),
      durability: text('millrace.durability') as PartitionConfig['durability'],
    },
  };
}

