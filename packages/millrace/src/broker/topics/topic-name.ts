// broker/topics/topic-name.ts - what a topic may be called, and which names are the node's own.
import { limits } from '../../base/mod.ts';

const legal = /^[a-zA-Z0-9._-]+$/;

/** Topic in which the group coordinator keeps groups and offsets; Kafka's own name and record format. */
export const offsetsTopic = '__consumer_offsets';

/** Partitions that are no topics: clients never see them. */
export const hiddenPrefix = '__millrace_';

/** Why a name is not allowed; null when it is. */
export function topicNameFault(name: string): string | null {
  if (name === '') return "the empty string is not allowed";
  if (name === '.' || name === '..') return "'.' or '..' is not allowed";
  if (name.length > limits.broker.topicNameLengthMax) return `the length of '${name}' is longer than the max allowed length ${limits.broker.topicNameLengthMax}`;
  if (!legal.test(name)) return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
  if (name.startsWith(hiddenPrefix)) return `names starting with '${hiddenPrefix}' are the node's own`;
  return null;
}

/** The name as metrics see it: '.' and '_' are one character there, so two topics may not differ in them alone. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_');
}

/** True for topics that the node writes itself. */
export function isInternalTopic(name: string): boolean {
  return name === offsetsTopic;
}

/** Folder of a partition. */
export function partitionName(topic: string, index: number): string {
  return `${topic}-${index}`;
}
