// broker/group/mod.ts - the door of consumer groups, for the rest of the broker.
export { createGroupCoordinator, GroupCoordinator } from './coordinator.ts';
export { groupRoutes } from './routes.ts';
export type { CodeReply, OffsetEntry } from './effects.ts';
export type { Group } from './group.ts';
export { stateName } from './state-name.ts';
export type { GroupCoordinatorOptions, GroupSettings, GroupStorage, GroupTopics } from './ports.ts';
export { openGroups } from './open.ts';
