// test/conformance/cases/transactions.ts - what is committed together is seen together, by every reader and in every client's protocol.

import assert from 'node:assert/strict';
import { fetchBatches } from '../../peers/raw.ts';
import type { Driver } from '../driver.ts';
import { numbered, same, story, type Scene } from '../scene.ts';

const text = (found: readonly { value: Buffer | null }[]): (string | undefined)[] => found.map(({ value }) => value?.toString());

/** Ten records committed, ten aborted, ten committed, ten aborted, and one that belongs to none. */
async function written(scene: Scene, by: Driver) {
  const topic = await scene.topic(1);
  const all = numbered(40).map((message) => ({ ...message, partition: 0 }));
  const [first, lost, second, alsoLost] = [all.slice(0, 10), all.slice(10, 20), all.slice(20, 30), all.slice(30, 40)] as const;
  await by.transact({ transactionalId: scene.name('transactions'), transactions: [
    { topic, messages: first, commit: true }, { topic, messages: lost, commit: false }, { topic, messages: second, commit: true }, { topic, messages: alsoLost, commit: false },
  ] });
  await scene.reference.produce({ topic, messages: [{ key: null, value: Buffer.from('plain'), partition: 0 }] });
  return { topic, first, second };
}

async function readCommitted(reader: Driver, { topic, first, second }: Awaited<ReturnType<typeof written>>): Promise<void> {
  const found = await reader.consume({ topic, partitions: [0], from: { kind: 'beginning' }, count: 21, committedOnly: true });
  same(found.slice(0, 10), first);
  assert.deepEqual(text(found.slice(10)), [...text(second), 'plain']);
  const middle = await reader.consume({ topic, partitions: [0], from: { kind: 'offset', offset: 15 }, count: 11, committedOnly: true });
  assert.deepEqual(text(middle), [...text(second), 'plain'], 'from within what was aborted');
}

/** Stories of transactions. */
export const transactionCases = [
  story('transactions, committed and aborted', ['transactions'], async (scene) => {
    const all = await written(scene, scene.driver);
    await readCommitted(scene.reference, all);
    assert.equal((await scene.reference.consume({ topic: all.topic, partitions: [0], from: { kind: 'beginning' }, count: 41 })).length, 41);
    const stored = await fetchBatches(scene.broker.bootstrap, all.topic, 0);
    scene.fact('markers', stored.filter(({ control }) => control).map(({ baseOffset }) => baseOffset));
    scene.fact('transactional', [...new Set(stored.filter(({ control }) => !control).map(({ transactional }) => transactional))]);
  }),

  story('transactions, readers of committed data', ['committed-reads'], async (scene) => {
    await readCommitted(scene.driver, await written(scene, scene.reference));
    const topic = await scene.topic(3);
    const transactions = Array.from({ length: 12 }, (_, number) => ({
      topic, commit: number % 3 !== 1, messages: [0, 1, 2].map((partition) => ({ key: null, value: Buffer.from(`${number}-${partition}`), partition })),
    }));
    await scene.reference.transact({ transactionalId: scene.name('transactions'), transactions });
    for (const partition of [0, 1, 2]) {
      const found = await scene.driver.consume({ topic, partitions: [partition], from: { kind: 'beginning' }, count: 8, fetchBytesMax: 1024, committedOnly: true });
      assert.deepEqual(text(found), transactions.filter(({ commit }) => commit).map(({ messages }) => messages[partition]!.value.toString()), 'by tiny fetches');
    }
  }),

  story('transactions, offsets are committed with them', ['transactions', 'transaction-offsets'], async (scene) => {
    const topic = await scene.topic(1);
    const group = scene.name('group');
    const id = scene.name('transactions');
    const transact = (offset: number, commit: boolean) => scene.driver.transact({ transactionalId: id, transactions: [
      { topic, messages: [{ key: null, value: Buffer.from(`up to ${offset}`), partition: 0 }], offset: { group, topic, partition: 0, offset }, commit },
    ] });
    const committed = async () => (await scene.reference.admin.groupOffsets(group))[`${topic}-0`]?.[0];
    await transact(7, true);
    assert.equal(await committed(), 7);
    await transact(9, false);
    assert.equal(await committed(), 7);
    await transact(11, true);
    assert.equal(await committed(), 11);
  }),
];
