// Whole nodes: by the hundred in memory, on a thread of their own on disk, and what they say when they cannot start.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { connect } from '../client/mod.ts';
import { startNode } from './mod.ts';

async function folder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-node-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test('three lines: a node and a client', async () => {
  await using node = await startNode();
  await using client = await connect(node);
  const { partition, offset } = await client.producer().send({ topic: 'hello', value: 'world' });
  assert.deepEqual([partition, offset], [0, 0]);
});

test('two hundred nodes in one program, each with a topic and a record, within bounds of memory', async () => {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const nodes = await Promise.all(Array.from({ length: 200 }, () => startNode()));
  await Promise.all(nodes.map(async (node, number) => {
    await using client = await connect(node);
    await client.producer().send({ topic: 'mine', value: String(number) });
  }));
  const after = process.memoryUsage();
  const eachBytes = (after.rss - before.rss) / nodes.length;
  assert.ok(eachBytes < 3 * 2 ** 20, `a node takes ${Math.round(eachBytes / 1024)} KiB`);
  await Promise.all(nodes.map((node) => node.close()));
});

test('a node on disk runs on a thread of its own and keeps what it was given', async () => {
  await using data = await folder();
  for (const expected of [0, 1, 2]) {
    await using node = await startNode({ data: data.path });
    await using client = await connect(node.url);
    const { offset } = await client.producer().send({ topic: 'kept', value: 'again' });
    assert.equal(offset, expected);
  }
});

test('a second node on the same folder is refused, and so is a port that is taken', async () => {
  await using data = await folder();
  await using node = await startNode({ data: data.path });
  await assert.rejects(startNode({ data: data.path }), (error) => isMillraceError(error, 'data-folder-locked'));
  await using other = await folder();
  await assert.rejects(startNode({ data: other.path, port: node.port }), (error) => isMillraceError(error, 'invalid-argument'));
  await assert.rejects(startNode({ config: { 'no.such.key': '1' } }), (error) => isMillraceError(error, 'invalid-argument'));
  await assert.rejects(startNode({ config: { 'num.partitions': 'many' } }), (error) => isMillraceError(error, 'invalid-argument'));
});

test('clients are told the address of the listener that they came in by', async () => {
  await using node = await startNode({ advertisedHost: 'outside.example', advertisedPort: 1234, listeners: [{ name: 'INSIDE', port: 0 }] });
  assert.equal(node.bootstrap, 'outside.example:1234');
});
