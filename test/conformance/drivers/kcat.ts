// test/conformance/drivers/kcat.ts - kcat, one process per call, as it is used in scripts.
// Owns: its flags, the framing of records on its pipes, reading its messages. Never: guesses; what kcat does not tell is -1 or listed as lacking.

import { ClientError } from '../../peers/worker.ts';
import { run, start, type Running } from '../../peers/processes.ts';
import { lacksAdmin, partialAdmin, type Ability, type Ack, type Admin, type ConsumeRequest, type Driver, type JoinRequest, type Load, type LoadRequest, type Member, type MemberState, type Message, type OffsetAt, type ProduceRequest, type Received, type TransactRequest } from '../driver.ts';
import { rdkafkaPlainOrder, rdkafkaSettings } from './worker.ts';

// Unlikely in any payload of the cases; kcat takes delimiters of several bytes.
const keyEnd = '\x1eK\x1e';
const recordEnd = '\x1eR\x1e';
// One line of numbers, the headers' line, then key and value by their lengths.
const format = '@%p %o %T %K %S\n%h\n%k%s\n';

/** kcat against one broker. */
export const kcatDriver = (bootstrap: string): Driver => new KcatDriver(bootstrap);

class KcatDriver implements Driver {
  readonly name = 'kcat';
  readonly lacks: Partial<Record<Ability, string>> = {
    'consumer-protocol': 'its members of groups are of the classic protocol here; python is librdkafka, too',
    'timestamps': 'no flag sets the timestamp of a record', 'timestamps-back': 'no flag sets the timestamp of a record', 'empty-value': 'an empty value is null or empty for all records of a run', 'null-header': 'headers are text', 'error-names': 'errors are sentences',
    'commit': 'commits by itself, and when it leaves', 'plain-order': rdkafkaPlainOrder, 'transactions': 'one transaction for all of its input',
    ...lacksAdmin('not an administration tool', 'createTopic', 'deleteTopic', 'createPartitions', 'describeConfig', 'alterConfig', 'deleteRecords', 'listGroups', 'describeGroup', 'deleteGroup', 'groupOffsets', 'alterGroupOffset', 'deleteGroupOffset', 'describeCluster'),
  };
  readonly admin: Admin;
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
    this.admin = partialAdmin('kcat', {
      listTopics: async () => (await this.#list([])).topics.map(({ topic }) => topic),
      describeTopic: async (topic) => {
        const found = (await this.#list(['-t', topic])).topics[0]!;
        if (found.error !== undefined) throw new ClientError('KCAT', found.error);
        return { partitions: found.partitions.length, leaders: found.partitions.filter(({ leader }) => leader >= 0).length };
      },
      listOffset: async (topic, partition, at) => {
        const answer = await this.#must(['-Q', '-t', `${topic}:${partition}:${timestampOf(at)}`]);
        return Number(/offset (-?\d+)/.exec(answer)?.[1]);
      },
    });
  }

  async produce(request: ProduceRequest): Promise<Ack[]> {
    const acks: Ack[] = [];
    for (const messages of runsOfEqualFlags(request.messages)) {
      const { partition, headers } = messages[0]!;
      const args = ['-P', '-t', request.topic, '-Z', '-K', keyEnd, '-D', recordEnd, ...settings(rdkafkaSettings.produce(request)),
        ...(partition === undefined ? [] : ['-p', String(partition)]), ...(headers ?? []).flatMap(([name, value]) => ['-H', `${name}=${value?.toString() ?? ''}`])];
      const input = Buffer.concat(messages.flatMap(({ key, value }, index) => [...(index > 0 ? [Buffer.from(recordEnd)] : []), key ?? Buffer.alloc(0), Buffer.from(keyEnd), value ?? Buffer.alloc(0)]));
      const done = await run('kcat', ['-b', this.#bootstrap, ...args], { input });
      acks.push(...messages.map((): Ack => done.code === 0 ? { partition: partition ?? -1, offset: -1 } : { error: done.stderr }));
    }
    return acks;
  }

  transact(_: TransactRequest): Promise<void> { return Promise.reject(new ClientError('KCAT', 'no transactions')); }

  async consume(request: ConsumeRequest): Promise<Received[]> {
    const from = request.from.kind === 'offset' ? String(request.from.offset) : request.from.kind === 'timestamp' ? `s@${request.from.timestampMs}` : request.from.kind;
    const received: Received[] = [];
    // kcat reads one partition or all of them.
    for (const partition of request.partitions) {
      const running = this.#spawn(['-C', '-t', request.topic, '-p', String(partition), '-o', from, '-c', String(request.count - received.length), '-E', '-u', '-f', format, ...settings(rdkafkaSettings.consume(request)),
        ...(request.partitions.length > 1 ? ['-e'] : [])]);
      const timer = setTimeout(() => void running.end('SIGTERM'), request.timeoutMs ?? 20_000);
      const reader = new FormatReader();
      running.child.stdout!.on('data', (chunk: Buffer) => reader.push(chunk));
      await new Promise((resolve) => running.child.on('close', resolve));
      clearTimeout(timer);
      received.push(...reader.take());
    }
    return received;
  }

  async join(request: JoinRequest): Promise<Member> {
    const config = { ...rdkafkaSettings.join(request), 'enable.auto.commit': true, 'auto.commit.interval.ms': 500 };
    return new KcatMember(this.#spawn(['-G', request.group, '-E', '-u', '-f', format, ...settings(config), ...request.topics]));
  }

  async startLoad(request: LoadRequest): Promise<Load> {
    const running = this.#spawn(['-P', '-E', '-t', request.topic, '-K', ':', ...settings(rdkafkaSettings.produce({ topic: request.topic, idempotent: request.idempotent }))]);
    const sent: { key: number; number: number }[] = [];
    const timer = setInterval(() => {
      for (let i = 0; i < Math.ceil(request.rate / 50); i++) {
        const key = sent.length % request.keys;
        const number = Math.floor(sent.length / request.keys);
        sent.push({ key, number });
        running.child.stdin!.write(`k${key}:${key}:${number}\n`);
      }
    }, 20);
    return {
      ackedCount: async () => sent.length,
      async stop() {
        clearInterval(timer);
        running.child.stdin!.end();
        const code = await running.ended;
        // Its exit code speaks for all records together.
        if (code === 0) return { acked: sent.map((one) => ({ ...one, partition: -1, offset: -1 })), failed: [] };
        return { acked: [], failed: sent.map((one) => ({ ...one, error: running.output() })) };
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> { /* every process ends with its call */ }

  #spawn(args: readonly string[]): Running { return start('kcat', ['-b', this.#bootstrap, ...args], { keepStdout: false }); }

  async #must(args: readonly string[]): Promise<string> {
    const done = await run('kcat', ['-b', this.#bootstrap, ...args]);
    if (done.code !== 0) throw new ClientError('KCAT', done.stderr);
    return done.stdout;
  }

  async #list(args: readonly string[]): Promise<{ topics: { topic: string; error?: string; partitions: { leader: number }[] }[] }> {
    return JSON.parse(await this.#must(['-L', '-J', ...args]));
  }
}

class KcatMember implements Member {
  readonly #running: Running;
  readonly #reader = new FormatReader();
  #assigned = new Set<string>();
  #events: MemberState['events'] = [];
  #leaving = false;
  #lines = '';

  constructor(running: Running) {
    this.#running = running;
    running.child.stdout!.on('data', (chunk: Buffer) => this.#reader.push(chunk));
    running.child.stderr!.on('data', (chunk: Buffer) => {
      const lines = (this.#lines + chunk.toString()).split('\n');
      this.#lines = lines.pop()!;
      for (const line of lines) this.#note(line);
    });
  }

  async state(): Promise<MemberState> {
    if (this.#running.hasEnded() && !this.#leaving) throw new ClientError('MEMBER_FAILED', this.#running.output());
    const events = this.#events;
    this.#events = [];
    return { assigned: [...this.#assigned].sort(), received: this.#reader.take(), events };
  }

  async commit(): Promise<void> { /* by itself, at the latest when it leaves */ }

  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#running.end('SIGTERM');
  }

  async vanish(): Promise<void> {
    this.#leaving = true;
    await this.#running.end('SIGKILL');
  }

  // "% Group g rebalanced (memberid m): assigned: t [0], t [1]", and under the cooperative protocol
  // "% Group g rebalanced: incremental assignment of 2 partition(s) (memberid m, COOPERATIVE ...): t [0], t [1]"; likewise revoked, revoke.
  #note(line: string): void {
    const match = /^% Group \S+ rebalanced.*?(assigned|assignment|revoked|revoke)\b.*?: (.*)$/.exec(line);
    if (match === null) return;
    const partitions = [...match[2]!.matchAll(/(\S+) \[(\d+)\]/g)].map(([, topic, partition]) => `${topic}-${partition}`).sort();
    const kind = match[1]!.startsWith('assign') ? 'assigned' : 'revoked';
    for (const name of partitions) if (kind === 'assigned') this.#assigned.add(name); else this.#assigned.delete(name);
    this.#events.push({ kind, partitions });
  }
}

// Takes records apart by the lengths that `format` puts before them.
class FormatReader {
  #pending = Buffer.alloc(0);
  #records: Received[] = [];

  push(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const head = this.#pending.indexOf(10);
      const headersEnd = head < 0 ? -1 : this.#pending.indexOf(10, head + 1);
      if (headersEnd < 0) return;
      const [partition, offset, timestampMs, keyLength, valueLength] = this.#pending.subarray(1, head).toString().split(' ').map(Number) as [number, number, number, number, number];
      const keyEndAt = headersEnd + 1 + Math.max(0, keyLength);
      const end = keyEndAt + Math.max(0, valueLength);
      if (this.#pending.length < end + 1) return;
      this.#records.push({
        partition, offset, timestampMs,
        key: keyLength < 0 ? null : Buffer.from(this.#pending.subarray(headersEnd + 1, keyEndAt)),
        value: valueLength < 0 ? null : Buffer.from(this.#pending.subarray(keyEndAt, end)),
        headers: readHeaders(this.#pending.subarray(head + 1, headersEnd).toString()),
      });
      this.#pending = this.#pending.subarray(end + 1);
    }
  }

  take(): Received[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }
}

const readHeaders = (text: string): [string, Buffer | null][] => text === '' ? [] : text.split(',').map((pair) => {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), Buffer.from(pair.slice(at + 1))];
});

const settings = (config: Record<string, string | number | boolean>): string[] => Object.entries(config).flatMap(([name, value]) => ['-X', `${name}=${value}`]);

const timestampOf = (at: OffsetAt): number => at.kind === 'timestamp' ? at.timestampMs : at.kind === 'earliest' ? -2 : at.kind === 'latest' ? -1 : -3;

function runsOfEqualFlags(messages: readonly Message[]): Message[][] {
  const runs: Message[][] = [];
  const flags = (message: Message): string => JSON.stringify([message.partition, message.headers]);
  for (const message of messages) {
    const last = runs.at(-1);
    if (last !== undefined && flags(last[0]!) === flags(message)) last.push(message);
    else runs.push([message]);
  }
  return runs;
}
