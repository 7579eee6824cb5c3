// log/compaction/open-cleaner.ts - where cleaning is computed: on a thread of its own, or in small pieces on this one.
// Owns: that choice. The thread's entry lies beside this file, in the bundle too (tools/bundle.ts).
import type { Clock, Helper, Threads } from '../../os/mod.ts';
import { CleanerCalls, type CleanerCall } from './cleaner-calls.ts';

/** A helper that takes CleanerCall messages. */
export function openCleaner(threads: Threads | undefined, clock: Clock): Helper {
  if (threads === undefined) return new HereHelper(clock);
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return threads.open(new URL(`./compaction-thread${extension}`, import.meta.url));
}

/** Each call is a turn of the loop of its own. */
class HereHelper implements Helper {
  readonly #clock: Clock;
  readonly #calls = new CleanerCalls();

  constructor(clock: Clock) { this.#clock = clock; }

  call(message: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => this.#clock.soon(() => {
      try {
        resolve(this.#calls.handle(message as CleanerCall).answer);
      } catch (error) {
        reject(error as Error);
      }
    }));
  }

  async close(): Promise<void> {}
}
