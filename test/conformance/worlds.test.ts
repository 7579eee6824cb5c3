// test/conformance/worlds.test.ts - every client in the worlds that Millrace plays: older releases, several brokers, faults on purpose.
// Owns: the worlds, and which cases hold in each. Never: what a case checks (cases/). Nothing may be lost, nothing doubled for who asks for idempotence.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { faultPlans } from '../../packages/millrace/src/testing/fault-plans.ts';
import type { Broker } from '../peers/broker.ts';
import { startMillrace } from '../peers/millrace.ts';
import { fetchBatches } from '../peers/raw.ts';
import { consumeCases } from './cases/consume.ts';
import { groupCases } from './cases/groups.ts';
import { produceCases } from './cases/produce.ts';
import { transactionCases } from './cases/transactions.ts';
import type { Message } from './driver.ts';
import { clients, isChosen, Matrix, targets } from './matrix.ts';
import { story, until } from './scene.ts';
import { Stage } from './stage.ts';

/** Where a retry may double what was sent without idempotence, only cases that ask for it, or do not count, hold. */
const sturdy = ['produce, idempotent', 'world,', 'transactions, offsets'];
/** Where nothing goes wrong all cases hold; a push tries those that meet every kind of request. */
const full = process.env['MILLRACE_TEST_FULL'] === '1';
const plain = full ? [''] : ['produce, headers', 'produce, to several', 'consume, from a time', 'consume, after records', 'group, continues', 'group, a static', 'group, two and three', 'transactions, readers', ...sturdy];
/** A push takes one client of each family. */
const players = full ? clients : clients.filter((client) => ['java-4.3', 'python', 'kafkajs'].includes(client));
/** What a client cannot live through, whatever the broker: shown in the table as such. */
const weaknesses: readonly { readonly client: string; readonly world: string; readonly part: string; readonly reason: string }[] = [
  { client: 'kafkajs', world: 'transactions', part: '', reason: 'it gives up at CONCURRENT_TRANSACTIONS' },
  { client: 'kafkajs', world: 'answers that are lost', part: '', reason: 'it does not ask again for a producer id when that answer is lost' },
  { client: 'kcat', world: 'leaders and coordinators that move', part: 'group', reason: 'librdkafka loses its question when it asks a coordinator that has just moved for offsets' },
  { client: 'python', world: 'leaders and coordinators that move', part: 'group', reason: 'librdkafka loses its question when it asks a coordinator that has just moved for offsets' },
  { client: 'kafkajs', world: 'leaders and coordinators that move', part: 'world,', reason: 'it takes records for sent whose leader moves to a broker that has answered already' },
  { client: 'kafkajs', world: 'leaders and coordinators that move', part: 'transactions, readers', reason: 'without a group it begins anew after a failed fetch' },
];
const worlds: readonly { readonly name: string; readonly flags: readonly string[]; readonly faults?: keyof typeof faultPlans; readonly cases: readonly string[] }[] = [
  { name: 'as 2.8, two brokers', flags: ['--as-kafka', '2.8', '--brokers', '2'], cases: plain },
  { name: 'as 3.5, three brokers', flags: ['--as-kafka', '3.5', '--brokers', '3'], cases: plain },
  { name: 'leaders and coordinators that move', flags: ['--brokers', '3'], faults: 'leaders and coordinators that move', cases: ['group, continues', 'group, two and three', 'transactions, readers', ...sturdy] },
  { name: 'errors that pass', flags: ['--brokers', '2'], faults: 'errors that pass', cases: sturdy },
  { name: 'answers that are lost', flags: ['--brokers', '2'], faults: 'answers that are lost', cases: sturdy },
  { name: 'slow and held back', flags: [], faults: 'slow and held back', cases: sturdy },
  { name: 'transactions', flags: ['--brokers', '3'], faults: 'transactions', cases: ['transactions'] },
];
/** What no fault may break: what an idempotent producer wrote is there once, and a group is handed all of it, each key in order at its first coming. */
const worldCases = [
  story('world, a group is handed all that was written, in order', [], async (scene) => {
    const topic = await scene.topic(3);
    const written: string[] = [];
    for (let round = 0; round < 4; round++) {
      const messages = Array.from({ length: 30 }, (_, i): Message => ({ key: Buffer.from(`key-${i % 3}`), value: Buffer.from(`${i % 3}:${round * 30 + i}`), partition: i % 3 }));
      written.push(...messages.map(({ value }) => value!.toString()));
      const acks = await scene.driver.produce({ topic, messages, idempotent: true });
      assert.deepEqual(acks.filter((ack) => 'error' in ack), []);
    }
    for (let partition = 0; partition < 3; partition++) {
      const stored = await fetchBatches(scene.broker.bootstrap, topic, partition);
      assert.equal(stored.reduce((sum, { records }) => sum + records, 0), written.length / 3, `partition ${partition} holds each record once`);
    }
    const member = await scene.join({ group: scene.name('group'), topics: [topic] });
    await until([member], () => new Set(member.received.map(({ value }) => value!.toString())).size === written.length, 'every record', 60_000);
    for (let partition = 0; partition < 3; partition++) {
      const firsts = [...new Set(member.received.filter((record) => record.partition === partition).map(({ value }) => value!.toString()))];
      assert.deepEqual(firsts, written.filter((value) => value.startsWith(`${partition}:`)));
    }
  }),
];
const all = [...worldCases, ...produceCases, ...consumeCases, ...groupCases, ...transactionCases].filter(({ name }) => isChosen(name));
const chosen = (process.env['CONFORMANCE_WORLDS'] ?? '').split(',').filter((one) => one !== '');
const matrix = new Matrix('worlds');
const open = new AsyncDisposableStack();
const brokers = new Map<string, Broker>();
let stage: Stage;

if (targets.includes('millrace')) describe('worlds', { concurrency: 3 }, () => {
  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-worlds-'));
    open.defer(() => rmSync(folder, { recursive: true, force: true }));
    for (const { name, flags, faults } of worlds) {
      const file = join(folder, `${name}.json`);
      if (faults !== undefined) writeFileSync(file, JSON.stringify(faultPlans[faults]));
      brokers.set(name, open.use(await startMillrace({ flags: [...flags, ...(faults === undefined ? [] : ['--faults', file])] })));
    }
    stage = open.use(await Stage.open());
  });
  after(async () => {
    await open.disposeAsync();
    process.stdout.write(matrix.print());
  });

  for (const client of players) {
    describe(client, { concurrency: 1 }, () => {
      for (const world of worlds) {
        if (chosen.length > 0 && !chosen.includes(world.name)) continue;
        for (const one of all.filter(({ name }) => world.cases.some((part) => name.includes(part)))) {
          test(`${client}, ${world.name}: ${one.name}`, { timeout: 120_000 }, async (t) => {
            if (stage.missing.has(client)) return t.skip(stage.missing.get(client));
            const weakness = weaknesses.find((each) => each.client === client && each.world === world.name && one.name.includes(each.part));
            if (weakness !== undefined) return matrix.note(client, `${world.name}: ${one.name}`, 'millrace', { kind: 'lacks', reason: weakness.reason });
            const broker = brokers.get(world.name)!;
            await matrix.runCase({ ...one, name: `${world.name}: ${one.name}` }, [{ target: 'millrace', driver: stage.driver(client, broker.bootstrap), reference: stage.reference(broker.bootstrap), broker }]);
          });
        }
      }
    });
  }
});
