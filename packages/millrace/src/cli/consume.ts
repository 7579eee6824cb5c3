// cli/consume.ts - `millrace consume`: reads topics to the end, or for ever, and prints the records.
// Owns: its flags, where it begins and when it has had enough. Never: how a record looks (records-out.ts), reading (client).
// C1 Without --follow it ends at the end that each partition had when it began. C2 With a group, what was printed is committed, and nothing else.
import type { Command } from 'commander';
import { isMillraceError } from '../base/mod.ts';
import type { Admin, Client, Consumer, RecordBatch, StartAt, TopicPartition } from '../client/mod.ts';
import { newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, withClient } from './connection.ts';
import { consumeShare, type ShareJob } from './consume-share.ts';
import { Exit } from './exit-codes.ts';
import { lineOf, type OutputForm } from './records-out.ts';
import type { Shell } from './shell.ts';
import { grouped } from './table.ts';
import { collect, parseInstant, parseWhole, usageError } from './values.ts';

/** Where the end is looked for while nothing arrives. */
const endCheckMs = 25;
/** What is printed goes out in pieces of about this many characters. */
const outputCharacters = 64 * 1024;

interface ConsumeFlags extends ClientFlags {
  readonly from?: string; readonly partition?: string[]; readonly group?: string; readonly shareGroup?: string; readonly follow?: boolean; readonly max?: string;
  readonly key?: boolean; readonly all?: boolean; readonly parse?: boolean;
}

interface Job { readonly topics: readonly string[]; readonly partitions?: readonly number[]; readonly from?: StartAt; readonly group?: string; readonly follow: boolean; readonly max: number; readonly form: OutputForm }

/** Defines the command. */
export function consumeCommand(shell: Shell): Command {
  return addClientFlags(newCommand(shell, 'consume', 'Reads topics and prints their records: to the end that they have now, or on and on with --follow. Records of a partition stay in order.', [
    { says: 'everything that is there', line: 'millrace consume greetings' },
    { says: 'what comes from now on, with keys, until Ctrl-C', line: 'millrace consume clicks --from latest --follow --key' },
    { says: 'ten records of a day, as JSON with their values parsed', line: 'millrace consume flights --from 2001-03-01 --max 10 --json --parse' },
    { says: 'as a member of a group: goes on where the group stopped', line: 'millrace consume clicks --group billing' },
    { says: 'as a worker of a queue: takes records that no other member holds, and accepts what was printed', line: 'millrace consume jobs --share-group workers --max 1' },
  ])
    .argument('<topic...>', 'what to read')
    .option('--from <place>', 'where to begin: earliest, latest, an offset, or a time (2026-11-21, 2026-11-21T08:00:00Z); with a group: earliest or latest, where it has committed nothing (default: earliest)')
    .option('--partition <number>', 'only this partition; may be repeated', collect)
    .option('--group <name>', 'read as a member of this group and commit what was printed')
    .option('--share-group <name>', 'read as a member of this share group and accept what was printed; --from (earliest or latest) is kept as the group\'s share.auto.offset.reset')
    .option('--follow', 'wait for more at the end')
    .option('--max <number>', 'stop after this many records')
    .option('--key', 'print the key and a tab before the value')
    .option('--all', 'print place, time, key, value and headers')
    .option('--parse', 'with --json: values that are JSON are printed as such, not as text'))
    .action((topics: string[], flags: ConsumeFlags) => {
      if (flags.shareGroup !== undefined) {
        const job = shareJobOf(topics, flags.shareGroup, flags);
        return withClient(shell, flags, (client) => consumeShare(shell, client, job));
      }
      const job = jobOf(topics, flags);
      return withClient(shell, flags, (client) => consume(shell, client, job));
    });
}

function jobOf(topics: string[], flags: ConsumeFlags): Job {
  const from = flags.from === undefined ? undefined : startOf(flags.from);
  if (flags.group !== undefined && from !== undefined && from !== 'earliest' && from !== 'latest') throw usageError('Cannot begin a group at an offset or a time: move it first with `millrace groups reset`');
  if (flags.group !== undefined && flags.partition !== undefined) throw usageError('Cannot choose partitions with --group: the group divides them');
  return {
    topics, from, form: formOf(flags), group: flags.group, follow: flags.follow === true, partitions: flags.partition?.map((text) => parseWhole('--partition', text, 0)),
    max: maxOf(flags),
  };
}

function shareJobOf(topics: string[], group: string, flags: ConsumeFlags): ShareJob {
  const { from } = flags;
  if (flags.group !== undefined) throw usageError('Cannot use --group and --share-group together: a consumer is a member of one group');
  if (flags.partition !== undefined) throw usageError('Cannot choose partitions with --share-group: its members share all of them');
  if (from !== undefined && from !== 'earliest' && from !== 'latest') throw usageError('Cannot begin a share group at an offset or a time: move it with `millrace groups reset`');
  return { topics, group, from, follow: flags.follow === true, max: maxOf(flags), form: formOf(flags) };
}

const maxOf = ({ max }: ConsumeFlags): number => (max === undefined ? Number.POSITIVE_INFINITY : parseWhole('--max', max, 1));

function formOf(flags: ConsumeFlags): OutputForm {
  if (flags.parse === true && flags.json !== true) throw usageError('Cannot use --parse without --json');
  return flags.json === true ? { kind: 'json', parse: flags.parse === true } : { kind: flags.all === true ? 'all' : flags.key === true ? 'key-value' : 'value' };
}

function startOf(text: string): StartAt {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d{1,12}$/.test(text)) return { offset: Number(text) };
  return { timestampMs: parseInstant('--from', text) };
}

async function consume(shell: Shell, client: Client, job: Job): Promise<void> {
  const admin = client.admin();
  const places = await placesOf(admin, job);
  const ends = job.follow ? null : new Map((await admin.listOffsets(places.map((place) => ({ ...place, at: 'latest' as const })))).map((one) => [nameOf(one), one.offset]));
  await using consumer = client.consumer(job.group === undefined
    ? { partitions: places.map((place) => ({ ...place, from: job.from ?? 'earliest' })) }
    : { topics: job.topics, group: job.group, commit: 'manual', offsetReset: job.from === 'latest' ? 'latest' : 'earliest' });
  const reading = new Reading(shell, job, consumer, ends);
  await reading.run();
  if (shell.stop.aborted && !job.follow) throw new Exit('interrupted');
  if (reading.count === 0 && shell.err.interactive) shell.err.line(job.group === undefined ? 'No records there. Wait for new ones with --follow.' : 'No records that the group has not read. Wait for new ones with --follow.');
  else if (shell.err.interactive && job.form.kind !== 'json') shell.err.line(shell.err.style('dim', `${grouped(reading.count)} record${reading.count === 1 ? '' : 's'}`));
}

async function placesOf(admin: Admin, { topics, partitions }: Job): Promise<TopicPartition[]> {
  const described = await admin.describeTopics(topics);
  return described.flatMap(({ topic, partitions: there }) => (partitions ?? there.map((one) => one.partition)).map((partition) => {
    if (!there.some((one) => one.partition === partition)) throw usageError(`Cannot read partition ${partition} of '${topic}': it has ${there.length}, from 0 to ${there.length - 1}`);
    return { topic, partition };
  }));
}

/** One run of a consumer: prints, counts, and ends when there has been enough. */
class Reading {
  readonly #shell: Shell;
  readonly #job: Job;
  readonly #consumer: Consumer;
  /** Ends to reach, null to go on for ever. */
  readonly #ends: ReadonlyMap<string, number> | null;
  /** Next offset to commit, by partition. */
  readonly #printed = new Map<string, TopicPartition & { offset: number }>();
  readonly #enough = new AbortController();
  #committedMs = performance.now();
  count = 0;

  constructor(shell: Shell, job: Job, consumer: Consumer, ends: ReadonlyMap<string, number> | null) {
    this.#shell = shell;
    this.#job = job;
    this.#consumer = consumer;
    this.#ends = ends;
  }

  async run(): Promise<void> {
    const stop = () => this.#enough.abort();
    this.#shell.stop.addEventListener('abort', stop);
    const timer = setInterval(() => this.#checkEnd(), endCheckMs);
    try {
      this.#consumer.start();
      await this.#consumer.run({ eachBatch: (batch) => this.#print(batch), signal: this.#enough.signal });
      await this.#commit();
    } finally {
      clearInterval(timer);
      this.#shell.stop.removeEventListener('abort', stop);
    }
  }

  async #print(batch: RecordBatch): Promise<void> {
    if (this.#enough.signal.aborted) return;
    let text = '';
    let nextOffset = batch.nextOffset;
    for (const record of batch) {
      text += `${lineOf(record, this.#job.form)}\n`;
      if (text.length > outputCharacters) { this.#shell.out.write(text); text = ''; await this.#shell.out.drained(); }
      if (++this.count >= this.#job.max) { nextOffset = record.offset + 1; break; }
    }
    this.#shell.out.write(text);
    await this.#shell.out.drained();
    this.#printed.set(nameOf(batch), { topic: batch.topic, partition: batch.partition, offset: nextOffset });
    if (this.count >= this.#job.max) return this.#enough.abort();
    this.#checkEnd();
    if (performance.now() - this.#committedMs > 1000) await this.#commit();
  }

  /** Has every partition that this consumer holds been read to the end that it had? */
  #checkEnd(): void {
    const { assignment } = this.#consumer;
    if (this.#ends === null || assignment.length === 0) return;
    const reached = (place: TopicPartition) => Math.max(this.#consumer.position(place), this.#printed.get(nameOf(place))?.offset ?? -1);
    if (assignment.every((place) => reached(place) >= (this.#ends!.get(nameOf(place)) ?? 0))) this.#enough.abort();
  }

  async #commit(): Promise<void> {
    this.#committedMs = performance.now();
    if (this.#job.group === undefined || this.#printed.size === 0) return;
    const held = new Set(this.#consumer.assignment.map(nameOf));
    try {
      await this.#consumer.commit([...this.#printed.values()].filter((place) => held.has(nameOf(place))));
    } catch (error) {
      if (!isMillraceError(error, 'rebalance') && !isMillraceError(error, 'unknown-member')) throw error; // whoever holds them now prints them again
    }
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;
