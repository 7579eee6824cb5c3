// test/crash/left.ts - reads what a node holds after crashes and compares it with what it had acknowledged.
// Owns: the promises: C1 nothing acknowledged is lost, and it is where the ack said. C2 an idempotent load's records are there once.
// C3 the records of a key are in order (of their first appearance where repeats are allowed). Reads with the simulator's raw client.
import assert from 'node:assert/strict';
import { nodeClock, nodeNet } from '../../packages/millrace/src/os/mod.ts';
import { RawClient } from '../../packages/millrace/src/testing/sim/node/raw-client.ts';
import { fetchOnce, listOffset } from '../../packages/millrace/src/testing/sim/node/readers.ts';
import { PartitionHistory } from '../../packages/millrace/src/testing/sim/node/history.ts';
import type { LoadResult } from '../conformance/driver.ts';

/** One stored record. */
export interface Stored { readonly partition: number; readonly offset: number; readonly value: string }

/** A raw client of a node of this machine, patient: a thousand starts on a busy machine took more than 5 s for one answer. */
export function rawClient(host: string, port: number): RawClient {
  return new RawClient('crash-test', { net: nodeNet(), clock: nodeClock() }, { host, port }, { connectMs: 60_000, answerMs: 60_000 });
}

/** Everything in a topic, in order of partition and offset. */
export async function readTopic(client: RawClient, topic: string, partitions: number): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const target = { topic, partition, history: new PartitionHistory(`${topic}-${partition}`, 'synced') };
    const start = await listOffset(client, target, -2);
    const end = await listOffset(client, target, -1);
    assert.ok(start !== null && end !== null, `offsets of ${topic}-${partition}`);
    for (let offset = start; offset < end;) {
      const fetched = await fetchOnce(client, target, offset, { waitMs: 0, bytesMax: 4 << 20 });
      assert.equal(fetched.errorCode, 0, `fetch from ${topic}-${partition} at ${offset}`);
      assert.ok(fetched.next > offset, `${topic}-${partition} has nothing at ${offset} of ${end}`);
      for (const record of fetched.records) if (record.offset >= offset) stored.push({ partition, offset: record.offset, value: record.value });
      offset = fetched.next;
    }
  }
  return stored;
}

/** Checks C1, and C2 and C3 as far as the load promises them. */
export function checkLoad(name: string, load: Pick<LoadResult, 'acked'>, stored: readonly Stored[], idempotent: boolean): void {
  const at = new Map(stored.map((record) => [`${record.partition}@${record.offset}`, record.value]));
  const values = new Set(at.values());
  for (const { key, number, partition, offset } of load.acked) {
    assert.ok(values.has(`${key}:${number}`), `${name}: ${key}:${number} was acknowledged and is lost`);
    if (offset >= 0) assert.equal(at.get(`${partition}@${offset}`), `${key}:${number}`, `${name}: what is at ${partition}@${offset}`);
  }
  if (idempotent) assert.equal(stored.length, values.size, `${name}: ${stored.length - values.size} records are there more than once`);
  const last = new Map<string, number>();
  for (const value of values) {
    const [key, number] = value.split(':') as [string, string];
    const before = last.get(key) ?? -1;
    assert.ok(Number(number) > before, `${name}: of key ${key}, ${number} comes after ${before}`);
    last.set(key, Number(number));
  }
}
