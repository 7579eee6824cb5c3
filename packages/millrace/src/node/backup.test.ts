// node/backup.test.ts - a program backs its node up while it serves, wherever the node runs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { connect } from '../client/mod.ts';
import { restore } from '../log/mod.ts';
import { NodeDisk } from '../os/mod.ts';
import { type Node, type NodeOptions, startNode } from './mod.ts';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-backup-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function produce(node: Node, value: string): Promise<void> {
  await using client = await connect(node);
  await client.producer().send({ topic: 'ledger', value });
}

/** All values of the topic on a node over a restored folder. */
async function valuesIn(data: string): Promise<string[]> {
  await using node = await startNode({ data });
  await using client = await connect(node);
  const [end] = await client.admin().listOffsets([{ topic: 'ledger', partition: 0, at: 'latest' }]);
  const values: string[] = [];
  for await (const record of client.consumer({ topics: ['ledger'] })) {
    values.push(record.text()!);
    if (record.offset + 1 === end!.offset) break;
  }
  return values;
}

for (const where of ['on a thread of its own', 'in memory'] as const) {
  test(`a node ${where} is backed up twice, and the backup restored`, async (t) => {
    const folder = temporaryFolder(t);
    const options: NodeOptions = where === 'in memory' ? {} : { data: join(folder, 'data') };
    await using node = await startNode(options);
    await produce(node, 'one');
    await node.backup(join(folder, 'backup'));
    await produce(node, 'two');
    const { partitions, bytesCopied } = await node.backup(join(folder, 'backup'));
    assert.ok(partitions > 0 && bytesCopied > 0);
    await produce(node, 'three');
    await restore(new NodeDisk(join(folder, 'backup')), new NodeDisk(join(folder, 'restored')));
    assert.deepEqual(await valuesIn(join(folder, 'restored')), ['one', 'two']);
  });
}

test('a folder that is something else is refused with its code, also from the thread', async (t) => {
  const folder = temporaryFolder(t);
  await using other = await startNode({ data: join(folder, 'other') });
  await using node = await startNode({ data: join(folder, 'data') });
  await produce(node, 'one');
  await assert.rejects(node.backup(join(folder, 'other')), (error) => isMillraceError(error, 'data-folder-locked') || isMillraceError(error, 'invalid-argument'));
  await other.close();
  await assert.rejects(node.backup(join(folder, 'other')), (error) => isMillraceError(error, 'invalid-argument'));
});
