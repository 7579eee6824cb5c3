// broker/admin/config-sources.ts - Kafka's numbers for where a configuration value comes from, and for its kind.
import type { ConfigKind } from '../config/definition.ts';
import type { ConfigSource } from '../config/node-config.ts';

const sources: Record<ConfigSource, number> = { topic: 1, group: 8, node: 2, 'all-nodes': 3, static: 4, default: 5 };
const kinds: Record<ConfigKind, number> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7, password: 9 };

/** Kafka's number of a source. */
export const configSourceNumber = (source: ConfigSource): number => sources[source];
/** Kafka's number of a kind of value. */
export const configKindNumber = (kind: ConfigKind): number => kinds[kind];

/** Kinds of resources that have configuration, by Kafka's numbers. */
export const configResource = { topic: 2, broker: 4, group: 32 } as const;
