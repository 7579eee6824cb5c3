// broker/world/mod.ts - the door of worlds to test against, for the rest of the broker.
export { World, type FaultReport, type WorldCommand, type WorldOptions } from './world.ts';
export type { FaultKind, FaultPlan, FaultRule } from './rules.ts';
export type { RuleReport } from './injector.ts';
export { releases } from './releases.ts';
