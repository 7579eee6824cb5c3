// log/mod.ts - the door of floor 2: durable partitions behind one journal.
export type * from './types.ts';
export { openLog } from './log.ts';
export { checkFolder, type CheckSummary } from './check.ts';
export { restore, type CopySummary } from './backup.ts';
