// base/report.ts - what the rooms say to the operator: a line, how much it matters, and what programs want to know of it.
// P1 Facts never hold a secret, nor a record's key or value: names, numbers, addresses, reasons.

/** How much a line matters: 'info' for what is as it should be, 'warn' for what somebody should look at, 'error' for what has failed. */
export type ReportLevel = 'info' | 'warn' | 'error';

/** What a line says, for programs; `component` is the part of the node that says it. */
export type ReportFacts = { readonly component?: string } & Readonly<Record<string, string | number | boolean | null | undefined | object>>;

/** Takes one line for the operator; a line without a level is 'info'. */
export type Report = (line: string, level?: ReportLevel, facts?: ReportFacts) => void;

/** The same report for one part of the node, whose name goes with each line that does not name another. */
export function reportAs(component: string, report: Report): Report {
  return (line, level, facts) => report(line, level, facts === undefined ? { component } : { component, ...facts });
}
