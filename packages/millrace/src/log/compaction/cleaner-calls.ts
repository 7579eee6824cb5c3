// log/compaction/cleaner-calls.ts - a cleaner behind calls that can cross to a thread.
// Owns: the messages, which memory moves with them. Never: what is cleaned (cleaner.ts), threads (os).
import { assert } from '../../base/mod.ts';
import type { HelperAnswer } from '../../os/mod.ts';
import { Cleaner, type CleanerStart, type Filtered, type Mapped } from './cleaner.ts';

/** A call. `bytes` are lent: they come back with the answer. */
export type CleanerCall =
  | { readonly kind: 'begin'; readonly start: CleanerStart }
  | { readonly kind: 'map' | 'filter'; readonly bytes: Uint8Array; readonly length: number }
  /** The pass is over: its memory is let go. */
  | { readonly kind: 'end' };

/** The answer to a stretch of batches. */
export interface StretchAnswer<T extends Mapped | Filtered> { readonly bytes: Uint8Array; readonly result: T }

/** One cleaner at a time, as calls ask for it. */
export class CleanerCalls {
  #cleaner: Cleaner | null = null;

  handle(call: CleanerCall): HelperAnswer {
    if (call.kind === 'begin') this.#cleaner = new Cleaner(call.start);
    else if (call.kind === 'end') this.#cleaner = null;
    else return this.#stretch(call.kind, call.bytes, call.length);
    return { answer: null };
  }

  #stretch(kind: 'map' | 'filter', bytes: Uint8Array, length: number): HelperAnswer {
    assert(this.#cleaner !== null, 'a pass begins before it goes on');
    const given = bytes.subarray(0, length);
    if (kind === 'map') return { answer: { bytes, result: this.#cleaner.map(given) }, moved: [bytes.buffer] };
    const result = this.#cleaner.filter(given);
    return { answer: { bytes, result }, moved: [bytes.buffer, result.output.buffer] };
  }
}
