// test/outside/records.ts - what goes into a program from outside and what comes out of it, by our own client.
// Owns: feeding records slowly, reading all that is committed. Never: programs.
import { isMillraceError } from '../../packages/millrace/src/base/mod.ts';
import { connect } from '../../packages/millrace/src/client/mod.ts';
import { eventually, sleep } from '../peers/processes.ts';

/** A record that was found. */
export interface Found { readonly partition: number; readonly offset: number; readonly key: string | null; readonly value: string }

/** Makes topics. */
export async function createTopics(bootstrap: string, topics: Readonly<Record<string, number>>): Promise<void> {
  await using client = await connect(bootstrap);
  await client.admin().createTopics(Object.entries(topics).map(([topic, partitions]) => ({ topic, partitions })));
}

/** Sends values over all partitions, a few at a time, over about `forMs`; resolves once all are acknowledged. */
export async function feed(bootstrap: string, topic: string, values: readonly string[], forMs: number): Promise<void> {
  await using client = await connect(bootstrap);
  await using producer = client.producer({ deliveryTimeoutMs: 120_000 });
  const pieces = 50;
  const sent: Promise<unknown>[] = [];
  for (let piece = 0; piece < pieces; piece++) {
    const from = Math.floor((piece * values.length) / pieces);
    const to = Math.floor(((piece + 1) * values.length) / pieces);
    for (let i = from; i < to; i++) sent.push(producer.send({ topic, key: `key-${i % 100}`, value: values[i]! }));
    await sleep(forMs / pieces);
  }
  await Promise.all(sent);
}

/** All that a reader of committed data finds of a topic up to its end now. */
export async function readAll(bootstrap: string, topic: string): Promise<Found[]> {
  await using client = await connect(bootstrap);
  const [described] = await client.admin().describeTopics([topic]);
  const partitions = described!.partitions.map(({ partition }) => partition);
  const ends = await client.admin().listOffsets(partitions.map((partition) => ({ topic, partition, at: 'latest' as const })), { isolation: 'read_committed' });
  const found: Found[] = [];
  for (const { partition, offset: end } of ends) {
    if (end === 0) continue;
    await using consumer = client.consumer({ partitions: [{ topic, partition, from: { offset: 0 } }], maxWaitMs: 50 });
    let at = 0;
    const batches = consumer.batches();
    while (at < end) {
      // The last offsets may be marks of transactions, which no batch is handed out for.
      const next = await Promise.race([batches.next(), sleep(1000).then(() => null)]);
      if (next === null || next.done === true) break;
      for (const record of next.value) found.push({ partition, offset: record.offset, key: record.keyText(), value: record.text() ?? '' });
      at = next.value.nextOffset;
    }
  }
  return found;
}

/** Reads again and again until `enough` says so. Fails with what `describe` says. */
export async function readUntil(bootstrap: string, topic: string, enough: (found: readonly Found[]) => boolean, describe: () => string, timeoutMs = 120_000): Promise<Found[]> {
  let found: Found[] = [];
  return eventually(async () => {
    try {
      found = await readAll(bootstrap, topic);
    } catch (error) {
      if (!isMillraceError(error, 'topic-not-found')) throw error; // the program makes it
    }
    return enough(found) ? found : undefined;
  }, () => `'${topic}' has ${found.length} records\n${describe()}`, timeoutMs, 500);
}
