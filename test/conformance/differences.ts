// test/conformance/differences.ts - where Millrace does not do as Apache Kafka does, on purpose.
// Owns: the only list that excuses a difference between the two. Every entry has its reason; one that no longer holds fails the run.

import type { ClientName } from './driver.ts';

/** A fact of a case that may differ. Without clients it holds for all of them. */
export type Difference = { case: string; fact: string; clients?: readonly ClientName[]; reason: string };

/** All of them. */
export const differences: readonly Difference[] = [];
