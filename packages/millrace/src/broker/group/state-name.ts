// broker/group/state-name.ts - what a group's state and type are called.
// Owns: Kafka's names. Never: the states.
import { consumerStateName } from './consumer/membership.ts';
import type { Group } from './group.ts';

/** Kafka's name of the group's state. */
export function stateName(group: Group): string {
  switch (group.phase.kind) {
    case 'empty': return 'Empty';
    case 'preparing': return 'PreparingRebalance';
    case 'completing': return 'CompletingRebalance';
    case 'stable': return 'Stable';
    case 'consumer': return consumerStateName(group.phase.membership);
    case 'dead': return 'Dead';
  }
}

/** Kafka's name of the protocol that the group's members use. */
export function typeName(group: Group): 'classic' | 'consumer' {
  return group.phase.kind === 'consumer' ? 'consumer' : 'classic';
}

/** Whether nobody is in the group. */
export function isEmpty(group: Group): boolean {
  return group.phase.kind === 'empty' || (group.phase.kind === 'consumer' && group.phase.membership.members.size === 0);
}
