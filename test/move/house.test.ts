// test/move/house.test.ts - `millrace move` between real processes: from Apache Kafka to Millrace and back, with kill -9 of the tool and of either side.
// Owns: the load and the kills. Checked from outside: the tool's own verification, and a reading of both sides, record by record, by another program.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, connect } from '../../packages/millrace/src/client/mod.ts';
import type { Broker } from '../peers/broker.ts';
import { smallJvm, startKafka } from '../peers/kafka.ts';
import { mainFlags, startMillrace } from '../peers/millrace.ts';
import { rootFolder } from '../peers/places.ts';
import { eventually, start, type Running } from '../peers/processes.ts';
import { join } from 'node:path';

const topic = 'house';
const partitions = 4;
const open = new AsyncDisposableStack();
let kafka: Broker;
let millrace: Broker;
let third: Broker;

const tool = (from: Broker, to: Broker, ...flags: string[]): Running =>
  start(process.execPath, [...mainFlags(), join(rootFolder, 'packages/millrace/src/cli/main.ts'), 'move', '--from', `kafka://${from.bootstrap}`, '--to', `kafka://${to.bootstrap}`, '--topics', topic, ...flags], { env: process.env });

/** Records of all kinds, in plain batches and in transactions that are committed and aborted; also deleted ones. */
async function furnish(client: Client): Promise<void> {
  await client.admin().createTopics([{ topic, partitions, configs: { 'retention.ms': '-1', 'max.message.bytes': '1500000' } }]);
  for (const compression of ['none', 'gzip', 'lz4', 'zstd', 'snappy'] as const) {
    const producer = client.producer({ compression });
    await producer.sendBatch(Array.from({ length: 16_000 }, (_, i) => ({
      topic, partition: i % partitions, key: i % 5 === 0 ? null : `key-${i}`, value: i % 17 === 0 ? null : `${compression}-${i}-${'x'.repeat(i % 300)}`, timestampMs: 1_600_000_000_000 + i * 1000,
      headers: i % 3 === 0 ? [['trace', String(i)], ['trace', null]] as const : [],
    })));
    await producer.close();
  }
  const producer = client.transactionalProducer({ transactionalId: 'furnisher' });
  // A fresh Apache Kafka makes its topic of transactions when it is first asked for.
  await eventually(() => producer.transact(async (transaction) => { await transaction.send({ topic, partition: 0, value: 'first' }); }).then(() => true, () => undefined), () => 'no coordinator of transactions');
  for (let i = 0; i < 12; i++) {
    await producer.transact(async (transaction) => {
      await transaction.sendBatch(Array.from({ length: 40 }, (_, k) => ({ topic, partition: k % partitions, value: `transaction ${i} ${k}` })));
      if (i % 3 === 2) throw new Error('aborted');
    }).catch((error: Error) => assert.equal(error.message, 'aborted'));
  }
  await producer.close();
  await client.admin().deleteRecords([{ topic, partition: 1, beforeOffset: 777 }]);
  await client.admin().setGroupOffsets('tenants', [0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 1_000 + partition * 111, metadata: `room ${partition}` })));
}

/** All committed records of a partition: [offset, time, key, value, headers]. */
async function records(client: Client, partition: number): Promise<[offset: number, rest: string][]> {
  const [end] = await client.admin().listOffsets([{ topic, partition, at: 'latest' }], { isolation: 'read_committed' });
  const found: [number, string][] = [];
  const consumer = client.consumer({ partitions: [{ topic, partition, from: 'earliest' }] });
  const batches = consumer.batches();
  for (;;) {
    const next = await Promise.race([batches.next(), new Promise<null>((resolve) => { setTimeout(() => resolve(null), 1_500); })]);
    if (next === null || next.done === true) break;
    for (const record of next.value) {
      const bytes = (view: Uint8Array | null) => (view === null ? null : Buffer.from(view).toString('base64'));
      found.push([record.offset, JSON.stringify([record.timestampMs, bytes(record.key), bytes(record.value), record.headers.map(({ key, value }) => [key, bytes(value)])])]);
    }
    if (next.value.nextOffset >= end!.offset) break;
  }
  await consumer.close();
  return found;
}

/** Kills the tool, the source and the target in turn while it copies, then lets it end. */
async function moveWithKills(from: Broker, to: Broker): Promise<void> {
  for (const [round, victim] of (['tool', 'target', 'tool', 'source', 'tool', 'target', 'tool'] as const).entries()) {
    const running = tool(from, to, '--json');
    await new Promise((resolve) => { setTimeout(resolve, 600 + 150 * round); });
    if (victim === 'tool') await running.end('SIGKILL');
    else {
      const broker = victim === 'source' ? from : to;
      await broker.kill();
      await broker.restart();
      await new Promise((resolve) => { setTimeout(resolve, 2_000); });
      await running.end('SIGTERM', 20_000);
    }
  }
  const last = tool(from, to, '--cutover', '--json');
  assert.equal(await last.ended, 0, last.output());
  assert.match(last.output(), /"event":"verified".*"isEqual":true/);
}

async function compare(from: Client, to: Client, withOffsets: boolean): Promise<void> {
  const [committed, moved] = await Promise.all([from.admin().groupOffsets('tenants'), to.admin().groupOffsets('tenants')]);
  for (let partition = 0; partition < partitions; partition++) {
    const [mine, theirs] = await Promise.all([records(from, partition), records(to, partition)]);
    assert.ok(mine.length > 16_000);
    assert.deepEqual(theirs.map(([, rest]) => rest), mine.map(([, rest]) => rest), `partition ${partition}: the same records in the same order, each once`);
    if (withOffsets) assert.deepEqual(theirs.map(([offset]) => offset), mine.map(([offset]) => offset));
    const position = (list: typeof committed) => list.find((one) => one.topic === topic && one.partition === partition)!;
    assert.equal(theirs.findIndex(([offset]) => offset >= position(moved).offset), mine.findIndex(([offset]) => offset >= position(committed).offset), 'the group reads on with the same record');
    assert.equal(position(moved).metadata, `room ${partition}`);
  }
}

describe('moving house', { concurrency: 1 }, () => {
  before(async () => {
    kafka = open.use(await startKafka({ jvm: smallJvm, properties: {
      'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 2, 'transaction.state.log.num.partitions': 2, 'broker.session.timeout.ms': 1500, 'broker.heartbeat.interval.ms': 300,
    } }));
    millrace = open.use(await startMillrace());
    third = open.use(await startMillrace());
  });
  after(() => open.disposeAsync());

  test('from Apache Kafka to Millrace: offsets, bytes and positions as they were, whatever was killed', { timeout: 240_000 }, async () => {
    await using from = await connect(kafka.bootstrap);
    await furnish(from);
    await moveWithKills(kafka, millrace);
    await using to = await connect(millrace.bootstrap);
    await compare(from, to, true);
    const verified = tool(kafka, millrace, '--verify');
    assert.equal(await verified.ended, 0, verified.output());
    assert.match(verified.output(), /Equal: /);
  });

  test('from Millrace on to another Millrace', { timeout: 240_000 }, async () => {
    await moveWithKills(millrace, third);
    await using from = await connect(millrace.bootstrap);
    await using to = await connect(third.bootstrap);
    await compare(from, to, true);
  });

  test('and back to Apache Kafka: the same records, each once, and positions that lead to the same record', { timeout: 300_000 }, async () => {
    {
      await using client = await connect(kafka.bootstrap);
      await client.admin().deleteTopics([topic]);
      await client.admin().deleteGroup('tenants').catch(() => {});
    }
    await moveWithKills(third, kafka);
    await using from = await connect(third.bootstrap);
    await using to = await connect(kafka.bootstrap);
    await compare(from, to, false);
  });
});
