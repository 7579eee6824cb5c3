// log/read-buffers.ts - memory lent to readers.
// Owns: buffers by size class, a bound on what is lent, reuse. Never: file access.
import { assert, limits, MillraceError } from '../base/mod.ts';

const classBytesMin = 16 * 1024;

/** A lent buffer: at least as long as was asked for. One that was taken ahead counts as a reader's once it is claimed. */
export interface ReadBuffer { readonly bytes: Uint8Array; claim(): void; release(): void }

/** The lender. */
export class ReadBuffers {
  readonly #kept = new Map<number, Uint8Array[]>();
  #keptBytes = 0;
  #lentBytes = 0;
  #aheadBytes = 0;

  /** Bytes that readers hold. */
  get lentBytes(): number { return this.#lentBytes; }
  /** Bytes of what is read, or being read, for readers that have not asked yet. */
  get aheadBytes(): number { return this.#aheadBytes; }

  /** Lends, to a reader or `ahead` of one; throws 'overloaded' when readers hold too much. */
  take(bytesMin: number, ahead = false): ReadBuffer {
    const size = Math.max(classBytesMin, 2 ** Math.ceil(Math.log2(bytesMin)));
    if (this.#lentBytes > 0 && this.#lentBytes + size > limits.log.readBytesMax) {
      throw new MillraceError('overloaded', `Cannot read: readers already hold ${this.#lentBytes} bytes`, { lentBytes: this.#lentBytes });
    }
    const kept = this.#kept.get(size)?.pop();
    if (kept !== undefined) this.#keptBytes -= size;
    const bytes = kept ?? new Uint8Array(size);
    let state: 'ahead' | 'lent' | 'back' = ahead ? 'ahead' : 'lent';
    if (ahead) this.#aheadBytes += size;
    else this.#lentBytes += size;
    return {
      bytes,
      claim: () => {
        if (state !== 'ahead') return;
        state = 'lent';
        this.#aheadBytes -= size;
        this.#lentBytes += size;
      },
      release: () => {
        assert(state !== 'back', 'a read is released once');
        if (state === 'ahead') this.#aheadBytes -= size;
        else this.#lentBytes -= size;
        state = 'back';
        this.#keep(bytes);
      },
    };
  }

  #keep(bytes: Uint8Array): void {
    if (this.#keptBytes + bytes.length > limits.log.readBytesKept) return;
    this.#keptBytes += bytes.length;
    const list = this.#kept.get(bytes.length);
    if (list === undefined) this.#kept.set(bytes.length, [bytes]);
    else list.push(bytes);
  }
}
