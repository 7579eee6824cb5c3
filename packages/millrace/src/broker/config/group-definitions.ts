// broker/config/group-definitions.ts - the configuration keys of a single group, with Kafka's names.
// Owns: the table. A key of a group has its default from the node's key of the same thing, and its bounds from two more.
import type { ConfigDefinition } from './definition.ts';

/** A key with the node's keys for its bounds. */
export interface GroupConfigDefinition extends ConfigDefinition { readonly nodeName: string; readonly minName: string; readonly maxName: string }

const definitions: readonly GroupConfigDefinition[] = [
  { name: 'consumer.session.timeout.ms', kind: 'int', defaultText: null, min: 1, nodeName: 'group.consumer.session.timeout.ms', minName: 'group.consumer.min.session.timeout.ms', maxName: 'group.consumer.max.session.timeout.ms',
    documentation: 'A member of the consumer protocol that is silent for this long is taken for gone.' },
  { name: 'consumer.heartbeat.interval.ms', kind: 'int', defaultText: null, min: 1, nodeName: 'group.consumer.heartbeat.interval.ms', minName: 'group.consumer.min.heartbeat.interval.ms', maxName: 'group.consumer.max.heartbeat.interval.ms',
    documentation: 'How often members of the consumer protocol are told to say that they live.' },
];

/** A group's keys by name. */
export const groupDefinitions: ReadonlyMap<string, GroupConfigDefinition> = new Map(definitions.map((definition) => [definition.name, definition]));
