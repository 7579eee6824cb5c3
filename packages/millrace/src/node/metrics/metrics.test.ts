// A node tells of itself as it is: what was produced and consumed to the record, groups' lag in records and in time, the health of the disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../client/mod.ts';
import { connect } from '../../client/mod.ts';
import { World } from '../../testing/mod.ts';
import { startNode, type MetricsOptions, type Node } from '../mod.ts';
import { families, seriesNames, type Family } from './families.ts';
import { lint, readStrictly, valueOf } from './strict-text.ts';

/** A simulated node whose time the test drives, and a client of it. */
async function scene(config: Record<string, string> = {}) {
  const world = new World(11);
  const device = world.device('drive');
  const lines: string[] = [];
  let { machine, process } = world.start('node', 'host', device);
  const start = (): Promise<Node> => world.time.settle(startNode({ machine, data: 'data', host: 'host', port: 9092, tailBytes: 1 << 20, journalFileBytes: 256 << 10, config, onReport: (line) => lines.push(line) }));
  let node = await start();
  const client: Client = await world.time.settle(connect('host:9092', { machine: world.start('client', 'elsewhere').machine }));
  return {
    world, device, client, lines,
    run: <T>(story: () => Promise<T>): Promise<T> => world.time.settle(story()),
    metrics: async (options?: MetricsOptions) => readStrictly(await world.time.settle(node.metrics(options)), options?.format),
    async restart() {
      process.kill();
      ({ machine, process } = world.start('node', 'host', device));
      node = await start();
    },
    close: () => world.time.settle(client.close().then(() => node.close())),
  };
}

const traffic = { in: 'kafka_server_brokertopicmetrics_messagesin_total', bytesIn: 'kafka_server_brokertopicmetrics_bytesin_total', bytesOut: 'kafka_server_brokertopicmetrics_bytesout_total', out: 'millrace_topic_messagesout_total' };

test('what was produced and consumed is counted to the record', async () => {
  const { run, metrics, client, close } = await scene();
  await run(async () => {
    await client.admin().createTopics([{ topic: 'orders', partitions: 3 }, { topic: 'quiet' }]);
    const producer = client.producer();
    await Promise.all(Array.from({ length: 1_000 }, (_, number) => producer.send({ topic: 'orders', key: String(number), value: 'x'.repeat(50) })));
    for (const group of ['one', 'two']) {
      let read = 0;
      for await (const _record of client.consumer({ topics: ['orders'], group })) if (++read === 1_000) break;
    }
  });
  const told = await metrics();
  assert.equal(valueOf(told, traffic.in, { topic: 'orders' }), 1_000);
  assert.equal(valueOf(told, traffic.out, { topic: 'orders' }), 2_000);
  assert.equal(valueOf(told, traffic.bytesOut, { topic: 'orders' }), 2 * valueOf(told, traffic.bytesIn, { topic: 'orders' }));
  assert.equal(valueOf(told, traffic.in, { topic: 'quiet' }), 0);
  assert.ok(valueOf(told, traffic.bytesIn, { topic: 'orders' }) > 50_000);
  assert.equal(valueOf(told, 'kafka_log_log_size_bytes', { topic: 'orders' }), valueOf(told, traffic.bytesIn, { topic: 'orders' }));
  assert.equal(valueOf(told, 'kafka_server_brokertopicmetrics_failedproducerequests_total', { topic: 'orders' }), 0);
  const produced = valueOf(told, 'kafka_network_requestmetrics_requests_total', { request: 'Produce' });
  assert.ok(produced > 0);
  assert.equal(valueOf(told, 'kafka_network_requestmetrics_totaltime_seconds', { request: 'Produce' }, '_count'), produced);
  assert.ok(valueOf(told, 'kafka_network_requestmetrics_remotetime_seconds', { request: 'Produce' }, '_sum') > 0, 'producers waited for the disk');
  await close();
});

test('a group\'s lag: in records, and in the time that its first unread record has waited', async () => {
  const { world, run, metrics, client, close } = await scene();
  const send = (value: string) => run(() => client.producer().send({ topic: 'work', partition: 0, value, timestampMs: Date.UTC(2001, 0, 1) }));
  const commit = (offset: number) => run(() => client.admin().setGroupOffsets('readers', [{ topic: 'work', partition: 0, offset }]));
  await run(() => client.admin().createTopics([{ topic: 'work', partitions: 2, configs: { 'retention.ms': '-1' } }]));
  await send('at 0 s');
  await world.time.advance(60_000);
  await send('at 60 s');
  await world.time.advance(30_000);
  const lag = async (labels: Record<string, string> = {}, options?: MetricsOptions) => {
    const told = await metrics(options);
    return ['kafka_consumergroup_lag', 'kafka_consumergroup_lag_seconds'].map((name) => Math.round(valueOf(told, name, { consumergroup: 'readers', topic: 'work', ...labels })));
  };
  await commit(0);
  assert.deepEqual(await lag(), [2, 90]);
  await commit(1);
  assert.deepEqual(await lag(), [1, 30], 'what a record says of itself does not count: it came half a minute ago');
  assert.deepEqual(await lag({ partition: '0' }, { detail: 'partition' }), [1, 30]);
  await commit(2);
  assert.deepEqual(await lag(), [0, 0]);
  await world.time.advance(600_000);
  assert.deepEqual(await lag(), [0, 0], 'who has read all is not behind, however long ago that was');
  await close();
});

test('after a restart the lag in time goes on, from what old records say of themselves', async () => {
  const { world, run, metrics, client, restart, close } = await scene();
  await run(async () => {
    await client.producer().send({ topic: 'work', value: 'old' });
    await client.admin().setGroupOffsets('readers', [{ topic: 'work', partition: 0, offset: 0 }]);
  });
  await world.time.advance(120_000);
  await restart();
  await world.time.advance(10_000);
  const told = await metrics();
  assert.equal(Math.round(valueOf(told, 'kafka_consumergroup_lag_seconds', { consumergroup: 'readers', topic: 'work' })), 130);
  assert.equal(valueOf(told, traffic.in, { topic: 'work' }), 0, 'counters begin with the node');
  await close();
});

test('members and states of groups', async () => {
  const { run, metrics, client, close } = await scene();
  await run(async () => {
    await client.producer().send({ topic: 'work', value: 'x' });
    const gone = client.consumer({ topics: ['work'], group: 'gone' });
    for await (const _record of gone) break;
    await gone.close();
  });
  const waiting = client.consumer({ topics: ['work'], group: 'here' });
  const reading = waiting[Symbol.asyncIterator]();
  await run(() => reading.next());
  const told = await metrics();
  assert.equal(valueOf(told, 'kafka_consumergroup_members', { consumergroup: 'here' }), 1);
  assert.equal(valueOf(told, 'kafka_consumergroup_state', { consumergroup: 'here', state: 'Stable' }), 1);
  assert.equal(valueOf(told, 'kafka_consumergroup_members', { consumergroup: 'gone' }), 0);
  assert.equal(valueOf(told, 'kafka_coordinator_group_groupcount', { state: 'Empty' }), 1);
  await close();
});

test('a failed sync: failed requests, the state of the log, and not ready', async () => {
  const { run, metrics, client, device, close } = await scene();
  await run(() => client.producer().send({ topic: 'ledger', value: 'kept' }));
  assert.equal(valueOf(await metrics(), 'millrace_ready'), 1);
  device.faults.syncsToFail = 1;
  await run(() => assert.rejects(client.producer({ deliveryTimeoutMs: 2_000 }).send({ topic: 'ledger', value: 'lost' })));
  const told = await metrics();
  assert.equal(valueOf(told, 'millrace_ready'), 0);
  assert.equal(valueOf(told, 'millrace_log_state', { state: 'failed' }), 1);
  assert.equal(valueOf(told, 'millrace_log_state', { state: 'open' }), 0);
  assert.equal(valueOf(told, 'kafka_log_logmanager_offlinelogdirectorycount'), 1);
  assert.ok(valueOf(told, 'kafka_server_brokertopicmetrics_failedproducerequests_total', { topic: 'ledger' }) >= 1);
  assert.ok(valueOf(told, 'kafka_network_requestmetrics_errors_total', { request: 'Produce', error: 'KAFKA_STORAGE_ERROR' }) >= 1);
  await close();
});

test('a full disk: not ready, with the state, until there is room again', async () => {
  const { world, run, metrics, client, device, close } = await scene();
  await run(() => client.producer().send({ topic: 'ledger', value: 'kept' }));
  device.faults.capacityBytes = 0;
  const producer = client.producer({ deliveryTimeoutMs: 600_000 });
  const sending = Promise.all(Array.from({ length: 40 }, () => producer.send({ topic: 'ledger', value: 'x'.repeat(100_000) })));
  await world.time.advance(20_000);
  const full = await metrics();
  assert.deepEqual([valueOf(full, 'millrace_log_state', { state: 'full' }), valueOf(full, 'millrace_ready')], [1, 0]);
  device.faults.capacityBytes = Infinity;
  await run(() => sending);
  const after = await metrics();
  assert.deepEqual([valueOf(after, 'millrace_log_state', { state: 'open' }), valueOf(after, 'millrace_ready')], [1, 1]);
  assert.equal(valueOf(after, traffic.in, { topic: 'ledger' }), 41);
  await close();
});

test('a transaction is open, grows old, and has ended', async () => {
  const { world, run, metrics, client, restart, close } = await scene();
  const producer = client.transactionalProducer({ transactionalId: 'mover' });
  let during: Awaited<ReturnType<typeof metrics>> | null = null;
  const moving = producer.transact(async (transaction) => {
    await transaction.send({ topic: 'ledger', value: 'moved' });
    await new Promise<void>((resolve) => { world.time.schedule(20_000, resolve); });
  });
  await world.time.advance(15_000);
  during = await metrics({ detail: 'partition' });
  assert.equal(valueOf(during, 'millrace_transactions_open'), 1);
  assert.ok(valueOf(during, 'millrace_transactions_oldest_seconds') > 10);
  assert.equal(valueOf(during, 'kafka_cluster_partition_laststableoffsetlag', { topic: 'ledger', partition: '0' }), 1);
  await run(() => moving);
  // A reader that has all its records and not the marker behind them is a record behind, and waits for nothing.
  await run(() => client.admin().setGroupOffsets('readers', [{ topic: 'ledger', partition: 0, offset: 1 }]));
  const after = await metrics();
  assert.deepEqual(['kafka_consumergroup_lag', 'kafka_consumergroup_lag_seconds'].map((name) => valueOf(after, name, { consumergroup: 'readers', topic: 'ledger' })), [1, 0]);
  assert.equal(valueOf(after, 'millrace_transactions_open'), 0);
  assert.equal(valueOf(after, 'millrace_transactions_ended_total', { result: 'commit' }), 1);
  await run(() => producer.close());
  // So it is after a restart, which knows the log only; and what comes then is as old as it is.
  await restart();
  const lagSeconds = async () => Math.round(valueOf(await metrics(), 'kafka_consumergroup_lag_seconds', { consumergroup: 'readers', topic: 'ledger' }));
  await world.time.advance(30_000);
  assert.equal(await lagSeconds(), 0);
  await run(() => client.producer().send({ topic: 'ledger', value: 'late' }));
  await world.time.advance(7_000);
  assert.equal(await lagSeconds(), 7);
  await close();
});

test('a slow request is told of with where its time went; one whose client wanted to wait is not slow', async () => {
  const { run, client, device, lines, close } = await scene({ 'millrace.slow.request.ms': '300' });
  await run(() => client.producer().send({ topic: 'ledger', value: 'quick' }));
  const consumer = client.consumer({ topics: ['ledger'], group: 'patient', maxWaitMs: 5_000 });
  const reading = consumer[Symbol.asyncIterator]();
  await run(() => reading.next());
  assert.deepEqual(lines.filter((line) => line.startsWith('slow request')), []);
  const next = reading.next();
  device.faults.stallChance = 1;
  device.faults.stallMs = 2_000;
  await run(() => client.producer().send({ topic: 'ledger', value: 'slow' }));
  device.faults.stallChance = 0;
  await run(() => next);
  const slow = lines.filter((line) => line.startsWith('slow request'));
  assert.match(slow[0] ?? '', /^slow request: Produce \d+ of client 'millrace' took [\d.]+ ms: 0 in line, 0 handled, [\d.]+ waiting, [\d.]+ sending$/);
  assert.deepEqual(slow.filter((line) => line.includes('Fetch')), []);
  await run(() => consumer.close());
  await close();
});

test('names that hold anything are told whole, in both forms of the text', async () => {
  const { run, client, metrics, close } = await scene();
  const group = 'say "hi"\\\n{x="1"}';
  await run(async () => {
    await client.producer().send({ topic: 'work', value: 'x' });
    await client.admin().setGroupOffsets(group, [{ topic: 'work', partition: 0, offset: 0 }]);
  });
  for (const format of ['prometheus', 'openmetrics'] as const) assert.equal(valueOf(await metrics({ format }), 'kafka_consumergroup_lag', { consumergroup: group, topic: 'work' }), 1);
  await close();
});

test('without the detail no series has a partition; with it all the families of the table are there, and none beside them', async () => {
  const { run, metrics, client, close } = await scene();
  await run(async () => {
    await client.producer().send({ topic: 'work', value: 'x' });
    await client.admin().setGroupOffsets('readers', [{ topic: 'work', partition: 0, offset: 0 }]);
    await assert.rejects(client.admin().describeTopics(['missing']));
  });
  for (const { name, samples } of (await metrics()).values()) assert.ok(samples.every((one) => !one.labels.has('partition')), name);
  const all = new Map<string, Family>(Object.values<Family>(families).map((family) => [family.name, family]));
  const told = await metrics({ detail: 'partition' });
  // What a simulated machine does not have, and what has not happened.
  const absent = new Set(['process_open_fds', 'process_max_fds', 'millrace_checkpoint_age_seconds', 'kafka_network_requestmetrics_errors_total']);
  for (const { name, kind, labels } of all.values()) {
    const found = told.get(name);
    if (found === undefined) { assert.ok(absent.has(name), `${name} is not told`); continue; }
    assert.equal(found.kind, kind, name);
    for (const sample of found.samples) for (const label of sample.labels.keys()) assert.ok(label === 'le' || labels.includes(label), `${name} has a label ${label}`);
  }
  for (const name of told.keys()) assert.ok(all.has(name), `${name} is not in the table`);
  await close();
});

test('the table passes the linter of names', () => {
  assert.deepEqual(lint(Object.values<Family>(families)), []);
  assert.ok(seriesNames().has('millrace_journal_sync_seconds_bucket'));
});
