// test/conformance/differences.ts - where Millrace does not do as Apache Kafka does, on purpose.
// Owns: the only list that excuses a difference between the two. Every entry has its reason; one that no longer holds fails the run.

/** A fact of a case that may differ. Without clients it holds for all of them; the tools are the clients `tools-4.3` and `tools-3.9`. */
export type Difference = { case: string; fact: string; clients?: readonly string[]; reason: string };

/** All of them. */
export const differences: readonly Difference[] = [];
