// cli/demo/ledger.ts - how the demo knows that what came out is what went in.
// Owns: a count and a running checksum per key. L1 Two ledgers agree only when every key had the same values in the same order.
// Cost: one map look-up and one CRC-32C of the value per record.
import { crc32c } from '../../base/mod.ts';
import { grouped } from '../table.ts';

interface Line { count: number; checksum: number }

/** Counts and checksums of a stream of keyed values. */
export class Ledger {
  readonly #lines = new Map<string, Line>();
  #count = 0;

  /** Notes one more value of a key. */
  note(key: string, value: Uint8Array): void {
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, (line = { count: 0, checksum: 0 }));
    line.count++;
    line.checksum = crc32c(value, line.checksum);
    this.#count++;
  }

  /** Values noted. */
  get count(): number {
    return this.#count;
  }

  /** Keys seen. */
  get keys(): number {
    return this.#lines.size;
  }

  /** How `read` differs from this ledger, one line each; empty when both are the same in content and order. */
  differences(read: Ledger): string[] {
    const found: string[] = [];
    for (const key of new Set([...this.#lines.keys(), ...read.#lines.keys()])) {
      const [wanted, got] = [this.#lines.get(key), read.#lines.get(key)];
      if (wanted?.count !== got?.count) found.push(`key ${key}: ${grouped(wanted?.count ?? 0)} written, ${grouped(got?.count ?? 0)} read`);
      else if (wanted?.checksum !== got?.checksum) found.push(`key ${key}: ${grouped(wanted?.count ?? 0)} records, but not the same or not in the same order`);
    }
    return found;
  }
}
