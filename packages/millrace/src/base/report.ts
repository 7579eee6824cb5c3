// base/report.ts - what the rooms say to the operator: a line, and how much it matters.

/** How much a line matters: 'info' for what is as it should be, 'warn' for what somebody should look at, 'error' for what has failed. */
export type ReportLevel = 'info' | 'warn' | 'error';

/** Takes one line for the operator; a line without a level is 'info'. */
export type Report = (line: string, level?: ReportLevel) => void;
