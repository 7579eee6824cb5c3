// node/metrics/steps.ts - the means of a walk that stops now and then (C1 of collect.ts).

/** A walk: each stop is a place where others may have the thread. */
export type Steps = Generator<void, void, void>;

const stepItems = 64;

/** Does something with each, and stops every few (C1). */
export function* inSteps<T>(all: Iterable<T>, work: (one: T) => void): Steps {
  let count = 0;
  for (const one of all) {
    work(one);
    if (++count % stepItems === 0) yield;
  }
  yield;
}

/** The first of them, at most so many. */
export function first<T>(all: Iterable<T>, countMax: number): T[] {
  const found: T[] = [];
  for (const one of all) {
    if (found.length === countMax) break;
    found.push(one);
  }
  return found;
}
