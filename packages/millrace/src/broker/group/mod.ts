// broker/group/mod.ts - the door of consumer groups, for the rest of the broker.
export { createGroupCoordinator, GroupCoordinator } from './coordinator.ts';
export { groupRoutes } from './routes.ts';
export type { OffsetEntry } from './effects.ts';
export { stateName, type Group } from './group.ts';
export type { GroupCoordinatorOptions, GroupSettings, GroupStorage, GroupTopics } from './ports.ts';
export { openGroups } from './open.ts';
