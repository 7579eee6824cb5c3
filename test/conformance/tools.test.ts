// test/conformance/tools.test.ts - Apache Kafka's own command line tools, of both generations, on Apache Kafka and on Millrace.
// Owns: what each tool must do and print. What they print is compared between the two line by line (column widths and generated ids aside).

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../peers/processes.ts';
import { startJavaWorker, type Worker } from '../peers/worker.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import type { JavaGeneration } from '../peers/places.ts';
import { isChosen, Matrix, targets } from './matrix.ts';
import { startTarget } from './targets.ts';
import { table, Toolbox } from './tools.ts';

const generations: readonly JavaGeneration[] = ['4.3', '3.9'];
const matrix = new Matrix('tools');
const scratch = mkdtempSync(join(tmpdir(), 'millrace-tools-'));

type ToolCase = { name: string; run(tools: Toolbox): Promise<void> };

const cases: ToolCase[] = [
  {
    name: 'kafka-topics',
    async run(tools) {
      const topic = tools.name('topic');
      await tools.run('kafka-topics', ['--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=3600000']);
      await tools.run('kafka-topics', ['--create', '--topic', topic], { exit: 1 });
      await tools.run('kafka-topics', ['--create', '--topic', topic, '--if-not-exists']);
      assert.ok((await tools.run('kafka-topics', ['--list'], { note: false })).out.split('\n').includes(topic));
      await leaders(tools, topic, 2);
      await tools.run('kafka-topics', ['--describe', '--topic', topic]);
      await tools.run('kafka-topics', ['--describe', '--topic', topic, '--topics-with-overrides']);
      await tools.run('kafka-topics', ['--describe', '--topic', topic, '--unavailable-partitions']);
      await tools.run('kafka-topics', ['--alter', '--topic', topic, '--partitions', '4']);
      await leaders(tools, topic, 4);
      await tools.run('kafka-topics', ['--alter', '--topic', topic, '--partitions', '3'], { exit: 1 });
      await tools.run('kafka-topics', ['--delete', '--topic', topic]);
      await eventually(async () => (await tools.run('kafka-topics', ['--list'], { note: false })).out.split('\n').includes(topic) ? undefined : true, () => 'the topic is still there');
      await tools.run('kafka-topics', ['--describe', '--topic', topic], { exit: 1 });
      await tools.run('kafka-topics', ['--delete', '--topic', topic], { exit: 1 });
      await tools.run('kafka-topics', ['--create', '--topic', 'not/valid'], { exit: 1 });
      await tools.run('kafka-topics', ['--create', '--topic', tools.name('other'), '--config', 'no.such=1'], { exit: 1 });
    },
  },
  {
    name: 'kafka-console-producer and -consumer',
    async run(tools) {
      const topic = await made(tools, 3);
      const stdin = Array.from({ length: 30 }, (_, i) => `number:${i},empty:\tkey-${i % 5}|value ${i} ÄÖ€\n`).join('');
      for (const [i, codec] of (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).entries()) {
        await tools.run('kafka-console-producer', ['--topic', topic, '--compression-codec', codec, ...reader(tools, 'parse.key=true', 'key.separator=|', 'parse.headers=true')], { stdin, note: i === 0 });
      }
      await tools.run('kafka-console-consumer', ['--topic', topic, '--from-beginning', '--max-messages', '150', '--timeout-ms', '20000',
        ...formatter(tools, 'print.key=true', 'print.headers=true', 'print.partition=true', 'print.offset=true')]);
      await tools.run('kafka-console-consumer', ['--topic', topic, '--partition', '1', '--offset', '3', '--max-messages', '2', ...formatter(tools, 'print.offset=true')]);
      await tools.run('kafka-console-producer', ['--topic', topic, ...reader(tools, 'parse.key=true', 'key.separator=|', 'null.marker=NULL')], { stdin: 'gone|NULL\n' });
      const all = await tools.run('kafka-console-consumer', ['--topic', topic, '--from-beginning', '--max-messages', '151', '--timeout-ms', '20000', ...formatter(tools, 'print.key=true', 'null.literal=nothing')], { note: false });
      assert.ok(all.out.includes('gone\tnothing'), all.out);
    },
  },
  {
    name: 'kafka-consumer-groups, all resets',
    async run(tools) {
      const [topic, group] = [await made(tools, 2), tools.name('group')];
      const times = await producedOverTime(tools, topic);
      await tools.run('kafka-console-consumer', ['--topic', topic, '--group', group, '--from-beginning', '--max-messages', '40', '--timeout-ms', '20000'], { note: false });
      const groups = (...args: string[]): Promise<{ out: string }> => tools.run('kafka-consumer-groups', args);
      await eventually(async () => (await tools.run('kafka-consumer-groups', ['--describe', '--group', group, '--state'], { note: false })).out.includes('Empty') ? true : undefined, () => 'the group is not empty');
      await groups('--describe', '--group', group);
      await groups('--describe', '--group', group, '--members');
      const reset = async (expected: Record<string, number>, ...how: string[]): Promise<void> => {
        const done = await tools.run('kafka-consumer-groups', ['--reset-offsets', '--group', group, '--execute', ...how], { note: false });
        const found = Object.fromEntries([...done.out.matchAll(new RegExp(`${topic}\\s+(\\d+)\\s+(\\d+)`, 'g'))].map(([, partition, offset]) => [partition, Number(offset)]));
        assert.deepEqual(found, expected, how.join(' '));
        const described = Object.fromEntries(table((await tools.run('kafka-consumer-groups', ['--describe', '--group', group], { note: false })).out).slice(1).map((words) => [words[2], Number(words[3])]));
        for (const [partition, offset] of Object.entries(expected)) assert.equal(described[partition], offset, `after ${how.join(' ')}`);
      };
      await reset({ 0: 0, 1: 0 }, '--topic', topic, '--to-earliest');
      await reset({ 0: 20, 1: 20 }, '--topic', topic, '--to-latest');
      await reset({ 1: 7 }, '--topic', `${topic}:1`, '--to-offset', '7');
      await reset({ 0: 17, 1: 4 }, '--topic', topic, '--shift-by', '-3');
      await reset({ 0: 20, 1: 20 }, '--topic', topic, '--shift-by', '100');
      await reset({ 0: 10, 1: 10 }, '--topic', topic, '--to-datetime', times.halfway);
      await reset({ 0: 10, 1: 10 }, '--all-topics', '--to-current');
      // Records come from years ago to ten minutes ago; a day ago lies between the halves.
      await reset({ 0: 10, 1: 10 }, '--topic', topic, '--by-duration', 'P1D');
      const file = join(scratch, `${group}.csv`);
      writeFileSync(file, `${topic},0,2\n${topic},1,3\n`);
      await tools.run('kafka-consumer-groups', ['--reset-offsets', '--group', group, '--execute', '--from-file', file], { note: false });
      const exported = await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-current', '--export', '--dry-run');
      assert.deepEqual(exported.out.trim().split('\n').sort(), [`${topic},0,2`, `${topic},1,3`]);
      await reset({ 0: 2, 1: 3 }, '--topic', topic, '--to-current');
      assert.match((await tools.run('kafka-consumer-groups', ['--reset-offsets', '--group', group, '--topic', topic, '--to-latest', '--dry-run'], { note: false })).out, /\s20\s/);
      await groups('--delete-offsets', '--group', group, '--topic', `${topic}:0`);
      await groups('--describe', '--group', group);
      assert.ok((await tools.run('kafka-consumer-groups', ['--list'], { note: false })).out.split('\n').includes(group));
      assert.ok(table((await tools.run('kafka-consumer-groups', ['--list', '--state'], { note: false })).out).some((words) => words[0] === group && words.includes('Empty')));
      await groups('--delete', '--group', group);
      await tools.run('kafka-consumer-groups', ['--describe', '--group', tools.name('unknown')], { note: true });
    },
  },
  {
    name: 'kafka-consumer-groups, members at work',
    async run(tools) {
      const [topic, group] = [await made(tools, 2), tools.name('group')];
      await tools.run('kafka-verifiable-producer', ['--topic', topic, '--max-messages', '10'], { note: false });
      const member = await tools.begin('kafka-verifiable-consumer', ['--topic', topic, '--group-id', group, '--reset-policy', 'earliest', '--session-timeout', '10000', ...verifiable(tools)]);
      try {
        await eventually(async () => (await member.read()).out.includes('"records_consumed"') ? true : undefined, () => 'the member reads nothing');
        const members = table((await tools.run('kafka-consumer-groups', ['--describe', '--group', group, '--members', '--verbose'], { note: false })).out);
        assert.equal(members.length, 2, 'one member');
        assert.match(members[1]!.join(' '), /\(0,1\)|:0,1/);
        const state = table((await tools.run('kafka-consumer-groups', ['--describe', '--group', group, '--state'], { note: false })).out)[1]!;
        assert.deepEqual(state.slice(-2), ['Stable', '1']);
        await tools.run('kafka-consumer-groups', ['--delete', '--group', group], { note: false, exit: tools.generation === '4.3' ? 0 : 0 });
        const reset = await tools.run('kafka-consumer-groups', ['--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute'], { note: false, exit: 1 }).catch((error: Error) => ({ out: error.message }));
        assert.match(reset.out, /inactive|active|Stable/i);
      } finally {
        await member.stop();
      }
      await eventually(async () => (await tools.run('kafka-consumer-groups', ['--describe', '--group', group, '--state'], { note: false })).out.includes('Empty') ? true : undefined, () => 'the group is not empty');
    },
  },
  {
    name: 'kafka-consumer-groups, members of the consumer protocol',
    async run(tools) {
      if (tools.generation !== '4.3') return void tools.transcript.push('the protocol is newer than these tools');
      const [topic, group] = [await made(tools, 2), tools.name('group')];
      await tools.run('kafka-verifiable-producer', ['--topic', topic, '--max-messages', '10', '--repeating-keys', '5'], { note: false });
      const member = await tools.begin('kafka-verifiable-consumer', ['--topic', topic, '--group-id', group, '--reset-policy', 'earliest', '--group-protocol', 'consumer']);
      const groups = (...args: string[]) => tools.run('kafka-consumer-groups', args, { note: false });
      try {
        await eventually(async () => (await member.read()).out.includes('"records_consumed"') ? true : undefined, () => 'the member reads nothing');
        const members = table((await groups('--describe', '--group', group, '--members', '--verbose')).out);
        assert.equal(members.length, 2, 'one member');
        // Which epoch a group is in is its coordinator's business; that all are in the same one is not.
        const [heads, state] = table((await groups('--describe', '--group', group, '--state', '--verbose')).out);
        const epoch = state!.at(-2)!;
        const plain = (words: string[]) => words.map((word, place) => (word === epoch && place > 1 ? '<epoch>' : word.replace(topic, '<topic>').replace(group, '<group>').replace(/-\d+$/, '-<n>'))).join(' ');
        tools.transcript.push(members[0]!.join(' '), plain(members[1]!.slice(3)), heads!.join(' '), plain(state!.slice(2, -1)));
        const listed = table((await groups('--list', '--state', '--type')).out).find((words) => words[0] === group);
        tools.transcript.push(listed!.slice(1).join(' '));
        for (const [type, there] of [['consumer', true], ['classic', false]] as const) {
          const { out } = await groups('--list', '--type', type);
          assert.equal(out.split(/\s+/).includes(group), there, `--type ${type}: ${out}`);
        }
        assert.match((await groups('--delete', '--group', group)).out, /not empty/);
        assert.match((await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute').catch((error: Error) => ({ out: error.message }))).out, /inactive|active|Stable/i);
      } finally {
        await member.stop();
      }
      await eventually(async () => (await groups('--describe', '--group', group, '--state')).out.includes('Empty') ? true : undefined, () => 'the group is not empty');
      await tools.run('kafka-consumer-groups', ['--describe', '--group', group]);
      await tools.run('kafka-consumer-groups', ['--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute']);
      await tools.run('kafka-consumer-groups', ['--delete', '--group', group]);
    },
  },
  {
    name: 'kafka-configs, of a group',
    async run(tools) {
      if (tools.generation !== '4.3') return void tools.transcript.push('groups have configuration only in newer tools');
      const of = ['--entity-type', 'groups', '--entity-name', tools.name('group')];
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'consumer.session.timeout.ms=20000,consumer.heartbeat.interval.ms=500']);
      const described = (await tools.run('kafka-configs', ['--describe', ...of], { note: false })).out;
      for (const setting of ['consumer.session.timeout.ms=20000', 'consumer.heartbeat.interval.ms=500']) tools.transcript.push(described.includes(setting) ? setting : described);
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'consumer.session.timeout.ms=1'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'consumer.session.timeout.ms=soon'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'no.such=1'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...of, '--delete-config', 'consumer.session.timeout.ms,consumer.heartbeat.interval.ms']);
      assert.ok(!(await tools.run('kafka-configs', ['--describe', ...of], { note: false })).out.includes('20000'));
    },
  },
  {
    name: 'kafka-configs',
    async run(tools) {
      const topic = await made(tools, 1);
      const of = ['--entity-type', 'topics', '--entity-name', topic];
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'retention.ms=86400000,cleanup.policy=[delete],max.message.bytes=2000000']);
      await tools.run('kafka-configs', ['--describe', ...of]);
      await tools.run('kafka-configs', ['--alter', ...of, '--delete-config', 'retention.ms']);
      await tools.run('kafka-configs', ['--describe', ...of]);
      await tools.run('kafka-configs', ['--alter', ...of, '--delete-config', 'segment.ms'], { exit: 0 }).catch(() => tools.transcript.push('deleting what is not set fails'));
      const all = await tools.run('kafka-configs', ['--describe', '--all', ...of], { note: false });
      for (const name of ['retention.ms', 'segment.bytes', 'compression.type', 'message.timestamp.type']) assert.ok(all.out.includes(`${name}=`), name);
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'retention.ms=soon'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'no.such=1'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--describe', '--entity-type', 'topics', '--entity-name', tools.name('missing')], { exit: 1, note: false }).catch(() => tools.run('kafka-configs', ['--describe', '--entity-type', 'topics', '--entity-name', tools.name('missing')], { note: false }));
      await tools.run('kafka-configs', ['--describe', '--entity-type', 'brokers', '--all', '--entity-name', await nodeId(tools)], { note: false });
    },
  },
  {
    name: 'kafka-configs, compaction',
    async run(tools) {
      const topic = tools.name('topic');
      await tools.run('kafka-topics', ['--create', '--topic', topic, '--partitions', '1'], { note: false });
      await leaders(tools, topic, 1);
      const of = ['--entity-type', 'topics', '--entity-name', topic];
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'cleanup.policy=[compact,delete],min.cleanable.dirty.ratio=0.1,min.compaction.lag.ms=5']);
      await tools.run('kafka-configs', ['--describe', ...of]);
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'cleanup.policy=compact', '--delete-config', 'min.compaction.lag.ms']);
      await tools.run('kafka-configs', ['--describe', ...of]);
      for (const wrong of ['cleanup.policy=keep', 'min.cleanable.dirty.ratio=2', 'remote.storage.enable=true']) {
        const { exit, err, out } = await tools.try('kafka-configs', ['--alter', ...of, '--add-config', wrong]);
        assert.equal(exit, 1, wrong);
        tools.transcript.push(`${wrong}: ${/InvalidConfigurationException: (.*)/.exec(err + out)?.[1] ?? err + out}`);
      }
      const { out } = await tools.run('kafka-log-dirs', ['--describe', '--topic-list', topic], { note: false });
      assert.ok(out.includes(`"partition":"${topic}-0"`), out);
    },
  },
  {
    name: 'kafka-acls',
    async run(tools) {
      const [topic, group, user] = [tools.name('topic'), tools.name('group'), `User:${tools.name('user')}`];
      const acls = (...args: string[]): Promise<{ out: string }> => tools.run('kafka-acls', args);
      /** Kafka's broker hears of a change a moment after it is confirmed. */
      const until = (count: number): Promise<true> => eventually(async () => {
        const { out } = await tools.run('kafka-acls', ['--list', '--principal', user], { note: false });
        return [...out.matchAll(/principal=/g)].length === count ? true : undefined;
      }, () => `there are not ${count} rules of ${user}`);
      await acls('--add', '--allow-principal', user, '--operation', 'Read', '--operation', 'DescribeConfigs', '--topic', topic);
      await acls('--add', '--deny-principal', user, '--operation', 'Write', '--topic', topic, '--deny-host', '10.0.0.1');
      await acls('--add', '--allow-principal', user, '--consumer', '--topic', topic, '--group', group, '--resource-pattern-type', 'prefixed');
      await acls('--add', '--allow-principal', user, '--producer', '--transactional-id', '*', '--topic', topic, '--idempotent');
      await until(12);
      await acls('--list', '--topic', topic);
      await acls('--list', '--topic', topic, '--resource-pattern-type', 'prefixed');
      await acls('--list', '--topic', `${topic}-and-more`, '--resource-pattern-type', 'match');
      await acls('--list', '--group', group, '--resource-pattern-type', 'any');
      await acls('--list', '--principal', user);
      await acls('--remove', '--force', '--deny-principal', user, '--operation', 'Write', '--topic', topic, '--deny-host', '10.0.0.1');
      await until(11);
      await acls('--remove', '--force', '--topic', topic, '--resource-pattern-type', 'any');
      await acls('--remove', '--force', '--group', group, '--resource-pattern-type', 'prefixed');
      await until(3);
      await acls('--list', '--principal', user);
      await acls('--remove', '--force', '--allow-principal', user, '--operation', 'IdempotentWrite', '--cluster');
      await acls('--remove', '--force', '--allow-principal', user, '--operation', 'Write', '--operation', 'Describe', '--transactional-id', '*');
      await until(0);
      await acls('--list', '--principal', user);
    },
  },
  {
    name: 'kafka-configs, quotas',
    async run(tools) {
      const [user, client] = [tools.name('user'), tools.name('client')];
      const configs = (...args: string[]): Promise<{ out: string }> => tools.run('kafka-configs', args);
      const described = async (config: string, ...of: string[]): Promise<void> => {
        await eventually(async () => (await tools.run('kafka-configs', ['--describe', ...of], { note: false })).out.includes(config) ? true : undefined, () => `'${config}' is not described`);
        await configs('--describe', ...of);
      };
      const gone = async (...of: string[]): Promise<void> => {
        await eventually(async () => (await tools.run('kafka-configs', ['--describe', ...of], { note: false })).out.includes('rate=') ? undefined : true, () => 'the quota is still there');
        await configs('--describe', ...of);
      };
      const ofUser = ['--entity-type', 'users', '--entity-name', user];
      const ofClient = ['--entity-type', 'clients', '--entity-name', client];
      const ofBoth = ['--entity-type', 'users', '--entity-name', user, '--entity-type', 'clients', '--entity-name', client];
      const ofAddress = ['--entity-type', 'ips', '--entity-name', `10.77.0.${tools.generation === '4.3' ? 1 : 2}`];
      const ofOthers = ['--entity-type', 'users', '--entity-name', user, '--entity-type', 'clients', '--entity-default'];
      await configs('--alter', ...ofUser, '--add-config', 'producer_byte_rate=1000000,request_percentage=50.5');
      await configs('--alter', ...ofClient, '--add-config', 'consumer_byte_rate=2000000,controller_mutation_rate=10');
      await described('controller_mutation_rate=10', ...ofClient);
      await configs('--alter', ...ofBoth, '--add-config', 'producer_byte_rate=3000000');
      await described('producer_byte_rate=3000000', ...ofBoth);
      await configs('--alter', ...ofAddress, '--add-config', 'connection_creation_rate=100');
      await described('connection_creation_rate=100', ...ofAddress);
      await configs('--alter', ...ofOthers, '--add-config', 'producer_byte_rate=5000000');
      await described('producer_byte_rate=5000000', ...ofOthers);
      await configs('--alter', ...ofUser, '--delete-config', 'producer_byte_rate');
      await tools.run('kafka-configs', ['--alter', ...ofUser, '--add-config', 'no_such_rate=1'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...ofUser, '--add-config', 'producer_byte_rate=-1'], { exit: 1, note: false });
      await tools.run('kafka-configs', ['--alter', ...ofAddress, '--add-config', 'producer_byte_rate=1'], { exit: 1, note: false });
      await configs('--alter', ...ofUser, '--delete-config', 'request_percentage');
      await configs('--alter', ...ofClient, '--delete-config', 'consumer_byte_rate,controller_mutation_rate');
      await configs('--alter', ...ofBoth, '--delete-config', 'producer_byte_rate');
      await configs('--alter', ...ofAddress, '--delete-config', 'connection_creation_rate');
      await configs('--alter', ...ofOthers, '--delete-config', 'producer_byte_rate');
      for (const entity of [ofClient, ofBoth, ofOthers, ofAddress]) await gone(...entity);
    },
  },
  {
    name: 'kafka-producer-perf-test under a quota',
    async run(tools) {
      const [topic, client] = [await made(tools, 1), tools.name('client')];
      const of = ['--entity-type', 'clients', '--entity-name', client];
      await tools.run('kafka-configs', ['--alter', ...of, '--add-config', 'producer_byte_rate=200000'], { note: false });
      await eventually(async () => (await tools.run('kafka-configs', ['--describe', ...of], { note: false })).out.includes('producer_byte_rate=200000') ? true : undefined, () => 'there is no quota');
      // Ten windows are free, so 200 kB/s are 2 MB at once; the rest comes at the rate.
      const done = await tools.run('kafka-producer-perf-test', ['--topic', topic, '--num-records', '4000', '--record-size', '1000', '--throughput', '-1', '--producer-props', `bootstrap.servers=${tools.broker.bootstrap}`, `client.id=${client}`, 'linger.ms=5', 'batch.size=16384'], { bare: true, note: false, timeoutMs: 90_000 });
      const rate = Number(/([\d.]+) records\/sec[^\n]*\n?$/.exec(done.out.trim().split('\n').find((line) => line.startsWith('4000 records sent'))!)![1]);
      assert.ok(rate >= 150 && rate <= 500, `${rate} records of 1 kB a second at 200 kB/s with a burst of 2 MB\n${done.out}`);
      await tools.run('kafka-configs', ['--alter', ...of, '--delete-config', 'producer_byte_rate'], { note: false });
    },
  },
  {
    name: 'kafka-get-offsets',
    async run(tools) {
      const topic = await made(tools, 2);
      const times = await producedOverTime(tools, topic);
      for (const time of ['earliest', 'latest', 'max-timestamp', '-1', '-2', String(times.halfwayMs), '4102444800000']) await tools.run('kafka-get-offsets', ['--topic', topic, '--time', time]);
      await tools.run('kafka-get-offsets', ['--topic-partitions', `${topic}:1`]);
      await tools.run('kafka-get-offsets', ['--topic', topic, '--partitions', '0', '--exclude-internal-topics']);
    },
  },
  {
    name: 'kafka-producer-perf-test and kafka-consumer-perf-test',
    async run(tools) {
      const topic = await made(tools, 2);
      const produced = await tools.run('kafka-producer-perf-test', ['--topic', topic, '--num-records', '20000', '--record-size', '100', '--throughput', '-1', '--producer-props', `bootstrap.servers=${tools.broker.bootstrap}`, 'acks=all', 'linger.ms=5', 'compression.type=lz4'], { bare: true, note: false });
      assert.match(produced.out, /^20000 records sent/m, produced.err);
      const many = await tools.run('kafka-producer-perf-test', ['--topic', topic, '--num-records', '300', '--record-size', '1024', '--throughput', '1000', '--producer-props', `bootstrap.servers=${tools.broker.bootstrap}`, 'acks=all', 'linger.ms=0', 'enable.idempotence=false'], { bare: true, note: false });
      assert.match(many.out, /^300 records sent/m, many.err);
      const consumed = await tools.run('kafka-consumer-perf-test', ['--topic', topic, tools.generation === '4.3' ? '--num-records' : '--messages', '20300', '--timeout', '20000'], { note: false });
      const fields = consumed.out.trim().split('\n').at(-1)!.split(', ');
      assert.equal(fields[4], '20300', consumed.out);
      assert.equal(fields[2], '2.2003'); // MiB of 20,000 records of 100 B and 300 of 1 KiB
    },
  },
  {
    name: 'kafka-e2e-latency',
    async run(tools) {
      const topic = await made(tools, 1);
      const args = tools.generation === '4.3' ? ['--bootstrap-server', tools.broker.bootstrap, '--topic', topic, '--num-records', '200', '--producer-acks', 'all', '--record-size', '100'] : [tools.broker.bootstrap, topic, '200', 'all', '100'];
      const done = await tools.run('kafka-e2e-latency', args, { bare: true, note: false });
      assert.match(done.out, /Percentiles: 50th = \d+/, done.err);
      await tools.run('kafka-get-offsets', ['--topic', topic]);
    },
  },
  {
    name: 'kafka-verifiable-producer and kafka-verifiable-consumer',
    async run(tools) {
      const topic = await made(tools, 2);
      const produced = await tools.run('kafka-verifiable-producer', ['--topic', topic, '--max-messages', '200', '--repeating-keys', '10', '--acks', '-1', '--value-prefix', '7'], { note: false });
      const sent = jsonLines(produced.out).filter(({ name }) => name === 'producer_send_success');
      assert.equal(sent.length, 200, produced.out + produced.err);
      const consumed = await tools.run('kafka-verifiable-consumer', ['--topic', topic, '--group-id', tools.name('group'), '--max-messages', '200', '--reset-policy', 'earliest', '--verbose', ...verifiable(tools)], { note: false });
      const lines = jsonLines(consumed.out);
      const got = lines.filter(({ name }) => name === 'record_data');
      assert.deepEqual(got.map(({ value }) => value).sort(), sent.map(({ value }) => value).sort());
      assert.ok(lines.some(({ name, success }) => name === 'offsets_committed' && success === true), 'it committed');
      assert.ok(lines.some(({ name }) => name === 'shutdown_complete'), 'it ended by itself');
    },
  },
  {
    name: 'kafka-transactions',
    async run(tools) {
      const [topic, id] = [await made(tools, 2), tools.name('id')];
      const messages = [0, 0, 1].map((p, i) => ({ k: null, v: Buffer.from(`open ${i}`).toString('base64'), p }));
      const open = () => tools.worker.ask<{ transaction: number }>('transaction.open', { bootstrap: tools.broker.bootstrap, topic, messages, config: { 'transactional.id': id, 'transaction.timeout.ms': 120_000 } });
      const ask = async (...args: string[]): Promise<string[][]> => table((await tools.run('kafka-transactions', args, { note: false })).out);
      const described = async (): Promise<Record<string, string>> => {
        const [names, values] = await ask('describe', '--transactional-id', id);
        return Object.fromEntries(names!.map((name, index) => [name, values![index]!]));
      };
      const begunAt = async (partition: number): Promise<string[]> => (await ask('describe-producers', '--topic', topic, '--partition', String(partition))).slice(1).map((words) => words.at(-1)!);
      const first = await open();
      const { TransactionState, TransactionTimeoutMs, TopicPartitions } = await described();
      assert.deepEqual([TransactionState, TransactionTimeoutMs, TopicPartitions!.split(',').sort()], ['Ongoing', '120000', [`${topic}-0`, `${topic}-1`]]);
      assert.ok((await ask('list')).some((words) => words[0] === id && words.at(-1) === 'Ongoing'));
      assert.ok(!(await ask('list', '--duration-filter', '9999999')).some((words) => words[0] === id));
      assert.deepEqual([await begunAt(0), await begunAt(1)], [['0'], ['0']]);
      assert.equal((await ask('find-hanging', '--topic', topic)).filter((words) => words[0] === topic).length, 0, 'nothing hangs');
      await tools.run('kafka-transactions', ['abort', '--topic', topic, '--partition', '0', '--start-offset', '5'], { exit: 1, note: false });
      await tools.run('kafka-transactions', ['abort', '--topic', topic, '--partition', '0', '--start-offset', '0'], { note: false });
      await eventually(async () => ((await begunAt(0))[0] === 'None' ? true : undefined), () => 'the transaction is still open in partition 0');
      assert.deepEqual(await begunAt(1), ['0'], 'only there');
      await tools.worker.ask('transaction.end', { ...first, commit: false });
      await eventually(async () => ((await described())['TransactionState'] === 'CompleteAbort' ? true : undefined), () => 'the transaction has not ended');
      assert.deepEqual([await begunAt(0), await begunAt(1)], [['None'], ['None']]);
      await tools.run('kafka-transactions', ['describe', '--transactional-id', tools.name('unknown')], { exit: 1, note: false });
      if (tools.generation !== '4.3') return;
      const second = await open();
      await tools.run('kafka-transactions', ['forceTerminateTransaction', '--transactionalId', id], { note: false });
      await eventually(async () => ((await begunAt(1))[0] === 'None' ? true : undefined), () => 'the terminated transaction is still open');
      await assert.rejects(tools.worker.ask('transaction.end', { ...second, commit: true }), /FENCED|INVALID_PRODUCER_EPOCH/);
      assert.equal((await tools.worker.ask<unknown[]>('consume', { bootstrap: tools.broker.bootstrap, topic, partitions: [0, 1], from: { kind: 'beginning' }, count: 1, timeoutMs: 1_000, config: { 'isolation.level': 'read_committed' } })).length, 0);
    },
  },
  {
    name: 'TransactionalMessageCopier',
    async run(tools) {
      const [from, to, group] = [await made(tools, 2), await made(tools, 2), tools.name('group')]; // it keeps the partition
      const messages = Array.from({ length: 600 }, (_, i) => ({ k: null, v: Buffer.from(String(i)).toString('base64'), p: i % 2 }));
      await tools.worker.ask('produce', { bootstrap: tools.broker.bootstrap, topic: from, messages });
      for (const partition of ['0', '1']) {
        await tools.run('TransactionalMessageCopier', ['--broker-list', tools.broker.bootstrap, '--input-topic', from, '--input-partition', partition, '--output-topic', to, '--max-messages', '300', '--consumer-group', group,
          '--transaction-size', '40', '--transactional-id', tools.name('copier'), '--enable-random-aborts', '--use-group-metadata'], { bare: true, note: false, timeoutMs: 90_000 });
      }
      const copied = await tools.worker.ask<{ v: string }[]>('consume', { bootstrap: tools.broker.bootstrap, topic: to, partitions: [0, 1], from: { kind: 'beginning' }, count: 601, timeoutMs: 3_000, config: { 'isolation.level': 'read_committed' } });
      assert.deepEqual(copied.map(({ v }) => Number(Buffer.from(v, 'base64').toString())).sort((a, b) => a - b), Array.from({ length: 600 }, (_, i) => i), 'each once');
      await tools.run('kafka-consumer-groups', ['--describe', '--group', group], { note: false }).then(({ out }) => assert.deepEqual(table(out).slice(1).map((words) => words[3]).sort(), ['300', '300'], out));
    },
  },
  {
    name: 'kafka-producer-perf-test, transactions',
    async run(tools) {
      const topic = await made(tools, 2);
      const done = await tools.run('kafka-producer-perf-test', ['--topic', topic, '--num-records', '3000', '--record-size', '100', '--throughput', '5000', '--transactional-id', tools.name('perf'), '--transaction-duration-ms', '50',
        '--producer-props', `bootstrap.servers=${tools.broker.bootstrap}`], { bare: true, note: false });
      assert.match(done.out, /3000 records sent/);
      const found = await tools.worker.ask<unknown[]>('consume', { bootstrap: tools.broker.bootstrap, topic, partitions: [0, 1], from: { kind: 'beginning' }, count: 3001, timeoutMs: 2_000, config: { 'isolation.level': 'read_committed' } });
      assert.equal(found.length, 3000);
    },
  },
  {
    name: 'kafka-delete-records',
    async run(tools) {
      const topic = await made(tools, 2);
      await producedOverTime(tools, topic);
      const file = join(scratch, `${topic}.json`);
      writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 5 }, { topic, partition: 1, offset: -1 }] }));
      await tools.run('kafka-delete-records', ['--offset-json-file', file], { note: false });
      await tools.run('kafka-get-offsets', ['--topic', topic, '--time', 'earliest']);
      await tools.run('kafka-get-offsets', ['--topic', topic, '--time', 'latest']);
    },
  },
  {
    name: 'kafka-log-dirs',
    async run(tools) {
      const topic = await made(tools, 2);
      await producedOverTime(tools, topic);
      const done = await tools.run('kafka-log-dirs', ['--describe', '--topic-list', topic], { note: false });
      const { brokers } = JSON.parse(done.out.split('\n').find((line) => line.startsWith('{'))!) as { brokers: { logDirs: { error: string | null; partitions: { partition: string; size: number; offsetLag: number; isFuture: boolean }[] }[] }[] };
      const found = brokers.flatMap(({ logDirs }) => logDirs.flatMap(({ partitions }) => partitions)).filter(({ partition }) => partition.startsWith(topic));
      assert.deepEqual(found.map(({ partition }) => partition).sort(), [`${topic}-0`, `${topic}-1`]);
      for (const { size, offsetLag, isFuture } of found) assert.ok(size > 100 && offsetLag === 0 && !isFuture, JSON.stringify(found));
    },
  },
  {
    name: 'kafka-broker-api-versions',
    async run(tools) {
      const done = await tools.run('kafka-broker-api-versions', [], { note: false });
      const usable = new Set([...done.out.matchAll(/^\s*(\w+)\((\d+)\): .*\[usable: \d+\]/gm)].map(([, name]) => name));
      for (const name of ['Produce', 'Fetch', 'ListOffsets', 'Metadata', 'OffsetCommit', 'OffsetFetch', 'FindCoordinator', 'JoinGroup', 'Heartbeat', 'LeaveGroup', 'SyncGroup', 'DescribeGroups', 'ListGroups', 'ApiVersions', 'CreateTopics',
        'DeleteTopics', 'DeleteRecords', 'InitProducerId', 'OffsetForLeaderEpoch', 'DescribeConfigs', 'AlterConfigs', 'DescribeLogDirs', 'CreatePartitions', 'DeleteGroups', 'IncrementalAlterConfigs', 'OffsetDelete', 'DescribeCluster', 'DescribeTopicPartitions']) {
        if (tools.generation === '3.9' && name === 'DescribeTopicPartitions') continue; // a client of 3.9 knows it, its listing names it the same; older ones do not
        assert.ok(usable.has(name), `${name} is not usable:\n${done.out}`);
      }
    },
  },
  {
    name: 'kafka-cluster',
    async run(tools) {
      const done = await tools.run('kafka-cluster', ['cluster-id', '--bootstrap-server', tools.broker.bootstrap], { bare: true, note: false });
      assert.match(done.out, /^Cluster ID: [\w-]{22}$/m);
      if (tools.generation !== '4.3') return;
      const endpoints = await tools.run('kafka-cluster', ['list-endpoints', '--bootstrap-server', tools.broker.bootstrap], { bare: true, note: false });
      assert.deepEqual(table(endpoints.out)[1]!.slice(1), ['127.0.0.1', String(tools.broker.port), 'null', 'unfenced', 'broker']);
    },
  },
];

describe('tools', { concurrency: 1 }, () => {
  const brokers = new Map<BrokerKind, Broker>();
  const workers = new Map<JavaGeneration, Worker>();
  const open = new AsyncDisposableStack();
  before(async () => {
    for (const target of targets) brokers.set(target, open.use(await startTarget(target, true)));
    for (const generation of generations) workers.set(generation, open.use(await startJavaWorker(generation)));
  });
  after(async () => {
    await open.disposeAsync();
    rmSync(scratch, { recursive: true, force: true });
    process.stdout.write(matrix.print());
  });

  // The two generations have JVMs of their own and go side by side.
  describe('online', { concurrency: 2 }, () => {
    for (const generation of generations) {
      describe(generation, { concurrency: 1 }, () => {
        for (const one of cases.filter(({ name }) => isChosen(name))) {
          test(`tools ${generation}: ${one.name}`, { timeout: 180_000 }, () => runOnTargets(one.name, generation, one.run));
        }
      });
    }
  });

  // The log files are read by the tool while nobody writes them.
  describe('offline', { concurrency: 1 }, () => {
    const written = new Map<BrokerKind, string>();
    const compacted = new Map<BrokerKind, string>();
    before(async () => {
      for (const target of targets) {
        const tools = new Toolbox('4.3', workers.get('4.3')!, brokers.get(target)!);
        const topic = await made(tools, 1);
        for (const codec of ['none', 'gzip', 'lz4'] as const) {
          await tools.run('kafka-console-producer', ['--topic', topic, '--compression-codec', codec, ...reader(tools, 'parse.key=true', 'key.separator=|')], { stdin: Array.from({ length: 200 }, (_, i) => `key-${i % 9}|${codec} ${i} ${'z'.repeat(200)}\n`).join('') });
        }
        written.set(target, topic);
        compacted.set(target, await compactedTopic(tools));
        await brokers.get(target)!.stop();
      }
    });
    for (const generation of generations) {
      if (!isChosen('kafka-dump-log')) continue;
      test(`tools ${generation}: kafka-dump-log`, { timeout: 120_000 }, () => runOnTargets('kafka-dump-log', generation, async (tools) => {
        const topic = written.get(tools.broker.kind)!;
        const folder = globSync(`**/${topic}-0`, { cwd: tools.broker.dataFolder })[0];
        assert.ok(folder !== undefined, 'the folder of the partition');
        const at = join(tools.broker.dataFolder, folder, '00000000000000000000');
        const log = await tools.run('kafka-dump-log', ['--files', `${at}.log`, '--deep-iteration', '--print-data-log'], { bare: true, note: false });
        const batches = [...log.out.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*compresscodec: (\w+) .*isvalid: (\w+)/gm)];
        assert.ok(batches.length >= 3 && batches.every(([, , , , , valid]) => valid === 'true'), log.out.slice(0, 2000));
        assert.deepEqual([...new Set(batches.map(([, , , , codec]) => codec!.toLowerCase()))], ['none', 'gzip', 'lz4']);
        assert.deepEqual([...log.out.matchAll(/offset: (\d+).* payload: (\w+) (\d+) z+$/gm)].map(([, offset, codec, number]) => `${offset} ${codec} ${number}`), ['none', 'gzip', 'lz4'].flatMap((codec, c) => Array.from({ length: 200 }, (_, i) => `${c * 200 + i} ${codec} ${i}`)));
        const index = await tools.run('kafka-dump-log', ['--files', `${at}.index,${at}.timeindex`, '--index-sanity-check'], { bare: true, note: false });
        assert.equal([...index.out.matchAll(/passed sanity check/g)].length, 2, index.out + index.err);
        await tools.run('kafka-dump-log', ['--files', `${at}.index,${at}.timeindex`], { bare: true, note: false }).then(({ out }) => assert.doesNotMatch(out, /mismatch|Found|out of order/i));
        await dumpCompacted(tools, compacted.get(tools.broker.kind)!);
      }));
    }
  });

  async function runOnTargets(name: string, generation: JavaGeneration, run: (tools: Toolbox) => Promise<void>): Promise<void> {
    const facts = new Map<BrokerKind, Record<string, unknown>>();
    const failures: string[] = [];
    for (const target of targets) {
      const tools = new Toolbox(generation, workers.get(generation)!, brokers.get(target)!);
      try {
        await run(tools);
        matrix.note(`tools-${generation}`, name, target, { kind: 'pass' });
        facts.set(target, { transcript: tools.transcript });
      } catch (error) {
        matrix.note(`tools-${generation}`, name, target, { kind: 'fail', reason: String(error).split('\n')[0]!.slice(0, 300) });
        failures.push(`on ${target}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
    if (failures.length === 0) failures.push(...matrix.judge(`tools-${generation}`, name, facts));
    if (failures.length > 0) assert.fail(failures.join('\n'));
  }
});

/** A topic of which a part was compacted by the time this resolves: the records of the first rounds are gone. */
async function compactedTopic(tools: Toolbox): Promise<string> {
  const topic = tools.name('compacted');
  const configs = ['cleanup.policy=compact', 'segment.ms=100', 'min.cleanable.dirty.ratio=0.01', 'file.delete.delay.ms=0'].flatMap((config) => ['--config', config]);
  await tools.run('kafka-topics', ['--create', '--topic', topic, '--partitions', '1', ...configs], { note: false });
  await leaders(tools, topic, 1);
  await eventually(async () => {
    await tools.run('kafka-console-producer', ['--topic', topic, '--compression-codec', 'lz4', ...reader(tools, 'parse.key=true', 'key.separator=|')], { stdin: Array.from({ length: 20 }, (_, i) => `key-${i % 10}|value ${i}\n`).join(''), note: false });
    const first = await tools.run('kafka-console-consumer', ['--topic', topic, '--from-beginning', '--max-messages', '1', '--timeout-ms', '20000', ...formatter(tools, 'print.offset=true')], { note: false });
    return first.out.includes('Offset:0') || first.out.includes('Offset:1\t') ? undefined : true;
  }, () => 'nothing is compacted', 60_000, 300);
  return topic;
}

/** Every segment of a compacted topic is one that Kafka's tool reads. */
async function dumpCompacted(tools: Toolbox, topic: string): Promise<void> {
  const logs = globSync(`**/${topic}-0/*.log`, { cwd: tools.broker.dataFolder }).map((path) => join(tools.broker.dataFolder, path));
  assert.ok(logs.length > 0);
  const dumped = await tools.run('kafka-dump-log', ['--files', logs.join(','), '--deep-iteration', '--print-data-log'], { bare: true, note: false });
  const batches = [...dumped.out.matchAll(/^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*isvalid: (\w+)/gm)];
  assert.ok(batches.length > 0 && batches.every(([, , , , valid]) => valid === 'true'), dumped.out.slice(0, 2000));
  assert.ok(batches.some(([, first, last, count]) => Number(count) < Number(last) - Number(first) + 1), 'a batch has lost records');
}

async function made(tools: Toolbox, partitions: number): Promise<string> {
  const topic = tools.name('topic');
  await tools.run('kafka-topics', ['--create', '--topic', topic, '--partitions', String(partitions), '--config', 'retention.ms=-1'], { note: false }); // some cases write records of long ago
  await leaders(tools, topic, partitions);
  return topic;
}

async function leaders(tools: Toolbox, topic: string, partitions: number): Promise<void> {
  await eventually(async () => {
    const { out } = await tools.run('kafka-topics', ['--describe', '--topic', topic], { note: false });
    return [...out.matchAll(/Leader: \d/g)].length === partitions ? true : undefined;
  }, () => `no leaders for '${topic}'`);
}

// 20 records in each of two partitions: ten of years ago, ten of ten minutes ago.
async function producedOverTime(tools: Toolbox, topic: string): Promise<{ halfway: string; halfwayMs: number }> {
  const halfwayMs = Date.UTC(2024, 0, 1);
  const recentMs = Date.now() - 600_000;
  const messages = [0, 1].flatMap((p) => Array.from({ length: 20 }, (_, i) => ({ k: null, v: Buffer.from(`record ${i}`).toString('base64'), p, t: i < 10 ? halfwayMs - 1_000_000 + i : recentMs + i })));
  await tools.worker.ask('produce', { bootstrap: tools.broker.bootstrap, topic, messages });
  return { halfway: new Date(halfwayMs).toISOString().replace('Z', ''), halfwayMs };
}

async function nodeId(tools: Toolbox): Promise<string> {
  const { out } = await tools.run('kafka-broker-api-versions', [], { note: false });
  return /\(id: (\d+)/.exec(out)![1]!;
}

// The newer generation has newer names for the same options and warns about the old ones.
const reader = (tools: Toolbox, ...pairs: string[]): string[] => pairs.flatMap((pair) => [tools.generation === '4.3' ? '--reader-property' : '--property', pair]);
const formatter = (tools: Toolbox, ...pairs: string[]): string[] => pairs.flatMap((pair) => [tools.generation === '4.3' ? '--formatter-property' : '--property', pair]);
const verifiable = (tools: Toolbox): string[] => ['--group-protocol', 'classic'].slice(0, tools.generation === '4.3' ? 2 : 0);

const jsonLines = (out: string): { name?: string; value?: string; success?: boolean }[] => out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
