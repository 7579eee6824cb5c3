// test/client/cases-restart.ts - the server is killed under load and comes back: nothing acknowledged is lost, doubled or out of order.
import assert from 'node:assert/strict';
import type { ConsumerOptions } from '../../packages/millrace/src/mod.ts';
import { pause, until, type Case, type Scene } from './case.ts';

/** Cases with kill -9. */
export const restartCases: readonly Case[] = [
  {
    name: 'kill -9 twice under load: every record once and in order per key, through a group that never stops',
    needsRestart: true,
    run: (scene) => killedTwice(scene, { heartbeatIntervalMs: 100, sessionTimeoutMs: 30_000 }),
  },
  {
    name: 'kill -9 twice under load: the same through a group of the consumer protocol',
    needsRestart: true,
    run: (scene) => killedTwice(scene, { groupProtocol: 'consumer' }),
  },
];

/** Load from one producer through one group, while the server is killed twice. */
async function killedTwice({ target, client, unique }: Scene, membership: Partial<ConsumerOptions>): Promise<void> {
  const topic = unique('kill');
  const group = unique('g');
  await client.admin().createTopics([{ topic, partitions: 4 }]);
  await using producer = client.producer({ deliveryTimeoutMs: 90_000 });
  await using consumer = client.consumer({ topics: [topic], group, ...membership, commitIntervalMs: 20 });
  const seen = new Map<string, number[]>();
  const running = consumer.run({ concurrency: 4, eachRecord(record) {
    const key = record.keyText()!;
    seen.set(key, [...(seen.get(key) ?? []), Number(record.text())]);
  } });
  const load = { isOn: true, sent: 0, acked: 0 };
  const failures: unknown[] = [];
  const sending = (async () => {
    while (load.isOn) {
      const value = String(Math.floor(load.sent / 20));
      producer.send({ topic, key: `k${load.sent++ % 20}`, value }).then(() => { load.acked++; }, (error: unknown) => failures.push(error));
      if (load.sent % 20 === 0) await pause(1);
    }
  })();
  for (let round = 1; round <= 2; round++) {
    const goal = load.acked + 2_000;
    await until(`${goal} are acknowledged`, () => load.acked >= goal || failures.length > 0);
    await target.killAndRestart!();
  }
  const goal = load.acked + 2_000;
  await until(`${goal} are acknowledged after the restarts`, () => load.acked >= goal || failures.length > 0);
  load.isOn = false;
  await sending;
  await producer.flush();
  assert.deepEqual(failures, []);
  await until('all are read', () => [...seen.values()].reduce((sum, list) => sum + new Set(list).size, 0) >= load.sent);
  await consumer.close();
  await running;
  const stored = new Map<string, number[]>();
  await using reader = client.consumer({ topics: [topic] });
  let count = 0;
  for await (const record of reader) {
    stored.set(record.keyText()!, [...(stored.get(record.keyText()!) ?? []), Number(record.text())]);
    if (++count === load.sent) break;
  }
  const ends = await client.admin().listOffsets([0, 1, 2, 3].map((partition) => ({ topic, partition, at: 'latest' as const })));
  assert.equal(ends.reduce((sum, one) => sum + one.offset, 0), load.sent, 'as many records as were sent: none twice');
  for (const [key, values] of stored) assert.deepEqual(values, Array.from({ length: values.length }, (_unused, index) => index), `stored in order: ${key}`);
  for (const [key, values] of seen) assert.deepEqual(withoutRepeats(values), stored.get(key), `read in order: ${key}`);
}

/** What was read again after a restart begins earlier and must go on in order: drop what was seen before. */
function withoutRepeats(values: readonly number[]): number[] {
  const fresh: number[] = [];
  for (const value of values) if (fresh.length === 0 || value > fresh.at(-1)!) fresh.push(value);
  return fresh;
}
