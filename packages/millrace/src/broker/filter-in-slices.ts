// broker/filter-in-slices.ts - looking at many things, a few milliseconds at a stretch, so that others get their turn.
// Owns: that loop. Never: what is looked for.
import type { Clock } from '../os/mod.ts';

/** Time at a stretch, in ms. */
const sliceMs = 4;

/** Tells those of `items` that pass; at once when that is quickly done. */
export function filterInSlices<Item>(clock: Clock, items: readonly Item[], passes: (item: Item) => boolean, done: (found: Item[]) => void): void {
  const found: Item[] = [];
  let at = 0;
  const slice = (): void => {
    const untilMs = clock.monotonicMs() + sliceMs;
    for (; at < items.length; at++) {
      if (clock.monotonicMs() >= untilMs) return clock.soon(slice);
      const item = items[at]!;
      if (passes(item)) found.push(item);
    }
    done(found);
  };
  slice();
}
