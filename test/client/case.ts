// test/client/case.ts - the form of a case, and helpers that all cases use.
import type { Client, Consumer, ConsumedRecord, ConsumerOptions } from '../../packages/millrace/src/mod.ts';
import type { Target } from './targets.ts';

/** One thing that must hold on every target. */
export interface Case {
  readonly name: string;
  /** Needs a target whose process can be killed. */
  readonly needsRestart?: boolean;
  run(scene: Scene): Promise<void>;
}

/** What a case works with: a client of its own, and names that no other case uses. */
export interface Scene { readonly target: Target; readonly client: Client; unique(prefix: string): string }

/** Numbers as text, from `from` on. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_unused, index) => String(from + index));
}

/** Reads `count` records of a fresh consumer and closes it. */
export async function readAll(client: Client, options: ConsumerOptions, count: number): Promise<ConsumedRecord[]> {
  await using consumer = client.consumer(options);
  return await take(consumer, count);
}

const iterators = new WeakMap<Consumer, AsyncIterator<ConsumedRecord>>();

/** The next `count` records, by one iterator per consumer: the last one is in hand until the next call. */
export async function take(consumer: Consumer, count: number): Promise<ConsumedRecord[]> {
  let iterator = iterators.get(consumer);
  if (!iterator) iterators.set(consumer, (iterator = consumer[Symbol.asyncIterator]()));
  const records: ConsumedRecord[] = [];
  while (records.length < count) {
    const next = await iterator.next();
    if (next.done) break;
    records.push(next.value);
  }
  return records;
}

/** Waits until `holds` gives true, asking every few milliseconds; throws what is awaited when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 90_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A pause. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
