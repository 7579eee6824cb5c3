// cli/mod.ts - the door of the command line for other rooms: its settings file as a type. The command itself is main.ts.
export type { MillraceConfig } from './settings.ts';
