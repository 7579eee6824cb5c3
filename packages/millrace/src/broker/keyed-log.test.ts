// Facts in a partition: the last value of each key counts, over restarts and shortenings.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import { openLog, type Log } from '../log/mod.ts';
import { memoryMachine, type Machine } from '../os/mod.ts';
import { BatchBuilder } from '../wire/mod.ts';
import { KeyedLog } from './keyed-log.ts';

const name = '__millrace_test-0';
const open = (machine: Machine): Promise<Log> => openLog({ disk: machine.disk, clock: machine.clock, random: machine.random, tailBytes: 1 << 20, journalFileBytes: 1 << 20 });
const fail = (error: unknown): never => { throw error; };

test('the last value of a key counts, and null takes it back', async () => {
  const machine = memoryMachine();
  const log = await open(machine);
  const facts = await KeyedLog.open(log, machine.clock, name, fail);
  await facts.write([{ key: 'a', value: '1' }, { key: 'b', value: '1' }, { key: 'a', value: '2' }]);
  await Promise.all([facts.write([{ key: 'b', value: null }]), facts.write([{ key: 'ü', value: 'ß€' }])]);
  const expected = [['a', '2'], ['ü', 'ß€']];
  assert.deepEqual([...facts.values], expected);
  await log.close();
  const again = await open(machine);
  assert.deepEqual([...(await KeyedLog.open(again, machine.clock, name, fail)).values], expected);
  await again.close();
});

test('a partition that has grown long is written anew and cut, while writes go on; nothing is lost', async () => {
  const machine = memoryMachine();
  let log = await open(machine);
  let facts = await KeyedLog.open(log, machine.clock, name, fail);
  const expected = new Map<string, string>();
  const value = 'x'.repeat(2000);
  for (let round = 0; round < 60; round++) {
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) {
      const key = `key ${(round * 7 + i) % 80}`;
      const text = `${round}/${i}/${value}`;
      const gone = (round + i) % 11 === 0;
      if (gone) expected.delete(key);
      else expected.set(key, text);
      writes.push(facts.write([{ key, value: gone ? null : text }]));
    }
    await Promise.all(writes);
  }
  const partition = log.partitions.get(name)!;
  assert.ok(partition.logStartOffset > 0, 'it was cut');
  assert.ok(partition.endOffset - partition.logStartOffset < 60 * 50 / 2, 'a start reads less than half of what was written');
  for (let restart = 0; restart < 2; restart++) {
    assert.deepEqual(new Map(facts.values), expected);
    await log.close();
    log = await open(machine);
    facts = await KeyedLog.open(log, machine.clock, name, fail);
  }
  await log.close();
});

test('a short partition is not written anew', async () => {
  const machine = memoryMachine();
  const log = await open(machine);
  const facts = await KeyedLog.open(log, machine.clock, name, fail);
  for (let index = 0; index < 50; index++) await facts.write([{ key: `${index % 3}`, value: `${index}` }]);
  const partition = log.partitions.get(name)!;
  assert.deepEqual([partition.logStartOffset, partition.endOffset], [0, 50]);
  await log.close();
});

test('a write that the log refuses changes nothing', async () => {
  const machine = memoryMachine();
  const log = await open(machine);
  const facts = await KeyedLog.open(log, machine.clock, name, fail);
  await facts.write([{ key: 'a', value: '1' }]);
  await log.close();
  await assert.rejects(facts.write([{ key: 'a', value: '2' }]));
  assert.deepEqual([...facts.values], [['a', '1']]);
});

test('while the log has no room a write waits its turn', async () => {
  const machine = memoryMachine();
  const log = await open(machine);
  const facts = await KeyedLog.open(log, machine.clock, name, fail);
  const other = await log.create('other-0', { segmentBytes: 1 << 30, segmentMs: 1e12, retentionBytes: -1, retentionMs: -1, durability: 'synced' });
  const builder = new BatchBuilder();
  const fill = (): boolean => {
    builder.append(0, null, 'x'.repeat(100_000));
    try {
      other.append([{ bytes: builder.finish(), offsetCount: 1, maxTimestampMs: 0 }], () => {});
      return true;
    } catch (error) {
      assert.ok(isMillraceError(error, 'overloaded'));
      return false;
    }
  };
  let filled = 0;
  while (fill()) assert.ok(++filled < 10_000);
  await Promise.all(Array.from({ length: 50 }, (_, i) => facts.write([{ key: 'last', value: `${i} ${'y'.repeat(20_000)}` }])));
  assert.ok(facts.values.get('last')!.startsWith('49 '), 'in the order of the calls');
  await log.close();
});
