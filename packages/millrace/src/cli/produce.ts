// cli/produce.ts - `millrace produce`: lines or JSON from stdin become records of a topic.
// Owns: its flags, pace, progress and report. Never: how lines become records (records-in.ts), delivery (client).
import type { Command } from 'commander';

import type { Client, ProducerOptions, ProducerRecord } from '../client/mod.ts';
import { newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, withClient } from './connection.ts';
import { Exit } from './exit-codes.ts';
import { type InputForm, type InputOptions, linesOf, recordOf } from './records-in.ts';
import type { Shell } from './shell.ts';
import { durationText, grouped } from './table.ts';
import { collect, parseChoice, parsePair, parsePositive, parseWhole, usageError } from './values.ts';

/** Progress is redrawn at most this often. */
const redrawMsMin = 100;
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

interface ProduceFlags extends ClientFlags {
  readonly format: string; readonly key?: string; readonly keySeparator?: string; readonly keyField?: string; readonly timestampField?: string;
  readonly header?: string[]; readonly partition?: string; readonly rate?: string; readonly compression: string; readonly acks: string; readonly create?: boolean; readonly keepPartitions?: boolean;
}

/** Defines the command. */
export function produceCommand(shell: Shell): Command {
  return addClientFlags(newCommand(shell, 'produce', 'Writes records from stdin to a topic, one per line, and returns when all are acknowledged.', [
    { says: 'one record per line', line: "printf 'hello\\nworld\\n' | millrace produce greetings --create" },
    { says: 'events in JSON, keyed by a field, stamped with their own time', line: 'millrace produce flights --format json --key-field origin --timestamp-field date < flights.ndjson' },
    { says: 'copy a topic with keys, headers and times', line: 'millrace consume clicks --json | millrace produce clicks2 --format records' },
    { says: 'a hundred a second', line: 'millrace produce clicks --rate 100 < clicks.txt' },
  ])
    .argument('<topic>', 'where to')
    .option('--format <form>', 'what a line is: lines (the value), json (a JSON value), records (objects as `consume --json` writes them)', 'lines')
    .option('--key <text>', 'key of every record')
    .option('--key-separator <text>', 'with lines: the key stands before the first of these')
    .option('--key-field <name>', 'with json: the field that is the key; dots go deeper')
    .option('--timestamp-field <name>', 'with json: the field that is the time')
    .option('--header <name=value>', 'a header of every record; may be repeated', collect)
    .option('--partition <number>', 'this partition, whatever the key')
    .option('--keep-partitions', 'with records: write each to the partition that it names')
    .option('--rate <number>', 'at most this many records a second')
    .option('--compression <codec>', codecs.join(', '), 'none')
    .option('--acks <acks>', 'when a record counts as written: all, 1, or 0 (nobody knows)', 'all')
    .option('--create', 'let the server create a missing topic'))
    .action((topic: string, flags: ProduceFlags) => {
      const input = inputOptions(flags);
      const rate = flags.rate === undefined ? undefined : parsePositive('--rate', flags.rate);
      const compression = parseChoice('--compression', flags.compression, codecs);
      const acks = parseChoice('--acks', flags.acks, ['all', '1', '0']);
      if (shell.stdinIsTerminal) shell.err.line(`Type records, one per line; end with Ctrl-D.`);
      return withClient(shell, flags, async (client) => {
        if (flags.create !== true) await client.admin().describeTopics([topic]); // says what is wrong before anything is read
        await produce(shell, client, {
          topic, json: flags.json === true, producer: { compression, acks: acks === 'all' ? 'all' : (Number(acks) as 0 | 1) }, records: records(shell, topic, input), rate,
        });
      }, { autoCreateTopics: flags.create === true });
    });
}

interface Job { readonly topic: string; readonly json: boolean; readonly producer: ProducerOptions; readonly records: AsyncIterable<Iterable<ProducerRecord>>; readonly rate?: number }

/** Sends all records; memory is bounded by the producer's buffer. Rejects with the first failure, after what was given before it is told. */
async function produce(shell: Shell, client: Client, job: Job): Promise<void> {
  let failed = 0;
  await using producer = client.producer({ ...job.producer, onError: (_error, batch) => { failed += batch.recordCount; } });
  const progress = new Progress(shell, job.topic);
  let unreadable: unknown;
  try {
    reading: for await (const some of job.records) {
      for (const record of some) {
        if (job.rate !== undefined) await pace(progress, job.rate, shell.stop);
        while (!producer.trySend(record)) await producer.room();
        progress.count();
        if (failed > 0 || shell.stop.aborted) break reading;
      }
    }
  } catch (error) {
    unreadable = error;
  }
  const undelivered: unknown = await producer.flush().then(() => undefined, (error: unknown) => error);
  if (undelivered === undefined || failed > 0) progress.report(failed, job.json);
  if (undelivered !== undefined) throw undelivered;
  if (shell.stop.aborted) throw new Exit('interrupted');
  if (unreadable !== undefined) throw unreadable;
}

function inputOptions(flags: ProduceFlags): InputOptions {
  const form = parseChoice('--format', flags.format, ['lines', 'json', 'records'] as const satisfies readonly InputForm[]);
  const only = (flag: string, given: unknown, form_: InputForm) => { if (given !== undefined && form !== form_) throw usageError(`Cannot use ${flag} with --format ${form}: it goes with ${form_}`); };
  only('--key-separator', flags.keySeparator, 'lines');
  only('--key-field', flags.keyField, 'json');
  only('--keep-partitions', flags.keepPartitions, 'records');
  only('--timestamp-field', flags.timestampField, 'json');
  if ([flags.key, flags.keySeparator, flags.keyField].filter((given) => given !== undefined).length > 1) throw usageError('Cannot use more than one of --key, --key-separator and --key-field');
  return {
    form, key: flags.key, keySeparator: flags.keySeparator, keyField: flags.keyField, timestampField: flags.timestampField,
    headers: flags.header?.map((text) => parsePair('--header', text)),
    partition: flags.partition === undefined ? undefined : parseWhole('--partition', flags.partition, 0), keepPartitions: flags.keepPartitions,
  };
}

/** Records as the lines come, some at a time. */
async function* records(shell: Shell, topic: string, input: InputOptions): AsyncGenerator<Iterable<ProducerRecord>> {
  let lineNumber = 0;
  const read = function* (lines: readonly string[]): Generator<ProducerRecord> {
    for (const line of lines) {
      const record = recordOf(line, ++lineNumber, input);
      if (record !== undefined) yield { topic, ...record };
    }
  };
  for await (const lines of linesOf(shell.stdin)) yield read(lines);
}

/** Waits until one more record fits the rate. */
async function pace(progress: Progress, rate: number, stop: AbortSignal): Promise<void> {
  const waitMs = (progress.records / rate) * 1000 - progress.elapsedMs;
  if (waitMs > 1) await sleep(waitMs, stop);
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => { clearTimeout(timer); stop.removeEventListener('abort', done); resolve(); };
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', done);
  });
}

/** Counts what passes, shows it where a person watches, and says in the end what was done. */
class Progress {
  readonly #shell: Shell;
  readonly #topic: string;
  readonly #startedMs = performance.now();
  records = 0;
  #shownMs = 0;

  constructor(shell: Shell, topic: string) {
    this.#shell = shell;
    this.#topic = topic;
  }

  get elapsedMs(): number { return performance.now() - this.#startedMs; }

  /** One more record was given to the producer. */
  count(): void {
    this.records++;
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < redrawMsMin) return;
    this.#shownMs = nowMs;
    this.#shell.err.live([`${grouped(this.records)} records, ${grouped(this.#rate())} a second`]);
  }

  /** All are acknowledged but `failed`. */
  report(failed: number, json: boolean): void {
    const tookMs = this.elapsedMs;
    const written = this.records - failed;
    if (json) this.#shell.out.line(JSON.stringify({ topic: this.#topic, records: written, failed, tookMs: Math.round(tookMs) }));
    else this.#shell.err.line(`Wrote ${grouped(written)} record${written === 1 ? '' : 's'} to ${this.#topic} in ${durationText(tookMs)}${failed === 0 ? '' : `; ${grouped(failed)} failed`}.`);
  }

  #rate(): number {
    return (this.records * 1000) / Math.max(1, this.elapsedMs);
  }
}
