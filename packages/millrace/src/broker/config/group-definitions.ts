// broker/config/group-definitions.ts - the configuration keys of a group (resource type GROUP), and what is checked of them.
// Owns: the table, the bounds that the node sets. Never: where values are kept (group-configs.ts).
// G1 What a group asks is checked against the node's bounds when it is altered, and brought within them when it is used: bounds may change.
import { MillraceError } from '../../base/mod.ts';
import { configNumber, type ConfigDefinition } from './definition.ts';
import type { NodeConfig } from './node-config.ts';

const definitions: readonly ConfigDefinition[] = [
  { name: 'consumer.session.timeout.ms', kind: 'int', defaultText: '10000', min: 1, nodeName: 'group.consumer.session.timeout.ms', documentation: 'A member of the consumer protocol that is silent for this long is taken for gone.' },
  { name: 'consumer.heartbeat.interval.ms', kind: 'int', defaultText: '250', min: 1, nodeName: 'group.consumer.heartbeat.interval.ms', documentation: 'How often members of the consumer protocol are told to say that they live.' },
  { name: 'share.session.timeout.ms', kind: 'int', defaultText: '45000', min: 1, nodeName: 'group.share.session.timeout.ms', documentation: 'A member of the share group that is silent for this long is taken out.' },
  { name: 'share.heartbeat.interval.ms', kind: 'int', defaultText: '5000', min: 1, nodeName: 'group.share.heartbeat.interval.ms', documentation: 'How often members of the share group are to send heartbeats.' },
  { name: 'share.record.lock.duration.ms', kind: 'int', defaultText: '30000', min: 1000, nodeName: 'group.share.record.lock.duration.ms', documentation: 'How long a record that was handed out is held for its consumer.' },
  { name: 'share.delivery.count.limit', kind: 'int', defaultText: '5', min: 2, nodeName: 'group.share.delivery.count.limit', documentation: 'How often a record is handed out at most.' },
  { name: 'share.partition.max.record.locks', kind: 'int', defaultText: '2000', min: 100, nodeName: 'group.share.partition.max.record.locks', documentation: 'Records of one partition that may be handed out and undecided at the same time.' },
  { name: 'share.auto.offset.reset', kind: 'string', defaultText: 'latest', documentation: "Where the share group begins in a partition: 'earliest', 'latest', or 'by_duration:' and an ISO 8601 duration (by_duration:P1D: what is at most a day old)." },
  { name: 'share.isolation.level', kind: 'string', defaultText: 'read_uncommitted', allowed: ['read_committed', 'read_uncommitted'], documentation: 'Whether records of transactions that are open or were aborted are left out.' },
  { name: 'share.renew.acknowledge.enable', kind: 'boolean', defaultText: 'true', documentation: 'Whether consumers may hold records for longer.' },
  { name: 'errors.deadletterqueue.topic.name', kind: 'string', defaultText: '', documentation: 'Topic for records that were rejected or handed out too often; empty for none. Its name begins as errors.deadletterqueue.topic.name.prefix says, and it has errors.deadletterqueue.group.enable.' },
  { name: 'errors.deadletterqueue.copy.record.enable', kind: 'boolean', defaultText: 'false', documentation: 'Whether dead letters carry key and value of the record, or only the headers that say which it was.' },
];

/** A group's keys by name. */
export const groupDefinitions: ReadonlyMap<string, ConfigDefinition> = new Map(definitions.map((definition) => [definition.name, definition]));

/** Keys with bounds that the node sets, each with the names of its bounds. */
const bounded: readonly (readonly [string, string, string])[] = [
  ['consumer.session.timeout.ms', 'group.consumer.min.session.timeout.ms', 'group.consumer.max.session.timeout.ms'],
  ['consumer.heartbeat.interval.ms', 'group.consumer.min.heartbeat.interval.ms', 'group.consumer.max.heartbeat.interval.ms'],
  ['share.session.timeout.ms', 'group.share.min.session.timeout.ms', 'group.share.max.session.timeout.ms'],
  ['share.heartbeat.interval.ms', 'group.share.min.heartbeat.interval.ms', 'group.share.max.heartbeat.interval.ms'],
  ['share.record.lock.duration.ms', 'group.share.min.record.lock.duration.ms', 'group.share.max.record.lock.duration.ms'],
  ['share.delivery.count.limit', 'group.share.min.delivery.count.limit', 'group.share.max.delivery.count.limit'],
  ['share.partition.max.record.locks', 'group.share.min.partition.max.record.locks', 'group.share.max.partition.max.record.locks'],
];
const boundsOf = new Map(bounded.map(([name, min, max]) => [name, { min, max }]));

/** What a group asked of a key (null for nothing), brought within the node's bounds. */
export function groupNumber(name: string, asked: string | null, node: NodeConfig): number {
  const definition = groupDefinitions.get(name)!;
  const value = asked === null ? node.number(definition.nodeName!) : configNumber(asked);
  const bounds = boundsOf.get(name);
  return asked === null || bounds === undefined ? value : Math.min(Math.max(value, node.number(bounds.min)), node.number(bounds.max));
}

/** Checks all values of a group together. Throws 'invalid-argument' with a message fit for a client. */
export function checkGroupConfig(values: ReadonlyMap<string, string>, node: NodeConfig): void {
  const fail = (why: string): never => { throw new MillraceError('invalid-argument', why); };
  for (const [name, min, max] of bounded) {
    const text = values.get(name);
    if (text === undefined) continue;
    if (configNumber(text) < node.number(min)) fail(`${name} must be greater than or equal to ${min}`);
    if (configNumber(text) > node.number(max)) fail(`${name} must be less than or equal to ${max}`);
  }
  const number = (name: string) => groupNumber(name, values.get(name) ?? null, node);
  for (const kind of ['consumer', 'share']) {
    if (number(`${kind}.session.timeout.ms`) <= number(`${kind}.heartbeat.interval.ms`)) fail(`${kind}.session.timeout.ms must be greater than ${kind}.heartbeat.interval.ms`);
  }
  const reset = values.get('share.auto.offset.reset');
  if (reset !== undefined && offsetReset(reset) === null) fail(`Invalid value ${reset} for configuration share.auto.offset.reset: must be earliest, latest, or by_duration: and a duration such as P3D or PT6H`);
  const topic = values.get('errors.deadletterqueue.topic.name') ?? '';
  if (topic.startsWith('__')) fail(`Invalid value ${topic} for configuration errors.deadletterqueue.topic.name: it cannot start with __`);
}

/** Where a group begins in a partition; null for a text that says nothing of the kind. */
export function offsetReset(text: string): { readonly kind: 'earliest' | 'latest' } | { readonly kind: 'ago'; readonly ms: number } | null {
  if (text === 'earliest' || text === 'latest') return { kind: text };
  const found = /^by_duration:P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?$/i.exec(text);
  if (found === null || found.slice(1).every((part) => part === undefined)) return null;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number];
  return { kind: 'ago', ms: Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000) };
}
