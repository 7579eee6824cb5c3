// cli/topics.ts - `millrace topics`: list, create, describe, alter and delete topics.
// Owns: their flags and how topics are shown. Never: the exchanges (client/admin).
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isMillraceError } from '../base/mod.ts';
import type { Admin, ConfigEntry } from '../client/mod.ts';
import { addSubcommand, newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, withAdmin } from './connection.ts';
import type { Shell } from './shell.ts';
import { bytesText, grouped, table } from './table.ts';
import { collect, parsePair, parseWhole, usageError } from './values.ts';

/** One partition as it is shown. */
interface PartitionFacts { readonly partition: number; readonly leader: number; readonly startOffset: number; readonly endOffset: number; readonly bytes: number }

/** One topic as it is shown. */
interface TopicFacts { readonly topic: string; readonly topicId: string; readonly internal: boolean; readonly partitions: readonly PartitionFacts[] }

/** Defines the command. */
export function topicsCommand(shell: Shell): Command {
  const command = newCommand(shell, 'topics', 'Lists, creates, describes, alters and deletes topics.', [
    { says: 'all topics, how many records they hold and how large they are', line: 'millrace topics list' },
    { says: 'a topic that keeps an hour of records in 4 partitions', line: 'millrace topics create clicks --partitions 4 --config retention.ms=3600000' },
  ]);
  addList(command, shell);
  addCreate(command, shell);
  addDescribe(command, shell);
  addAlter(command, shell);
  addDelete(command, shell);
  return command;
}

function addList(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'list', 'Lists topics with the records and bytes that they hold.', [
    { says: 'names only, for a script', line: "millrace topics list --json | jq -r '.[].topic'" },
  ]))
    .option('--internal', 'also the topics in which the server keeps its own state')
    .action((flags: ClientFlags & { internal?: boolean }) => withAdmin(shell, flags, async (admin) => {
      const topics = await topicFacts(admin, await admin.listTopics({ internal: flags.internal === true }));
      if (flags.json === true) return shell.out.line(JSON.stringify(topics));
      if (topics.length === 0) return shell.err.line('No topics yet. Make one with: millrace topics create NAME');
      const rows = topics.map((topic) => [topic.topic, topic.partitions.length, recordsIn(topic), bytesText(sum(topic.partitions, (one) => one.bytes))]);
      for (const line of table(['topic', right('partitions'), right('records'), right('size')], rows)) shell.out.line(line);
    }));
}

function addCreate(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'create <topic>', 'Creates a topic and waits until it can be used.', [
    { says: 'four partitions, records kept for ever', line: 'millrace topics create flights --partitions 4 --config retention.ms=-1' },
    { says: 'only values that fit a JSON Schema', line: 'millrace topics create payments --value-schema payment.json' },
    { says: 'fast and not synced before the ack: for what may be lost in a power cut', line: 'millrace topics create metrics --config millrace.durability=page-cache' },
  ]))
    .option('--partitions <number>', "how many partitions (default: the node's num.partitions)")
    .option('--config <key=value>', "one of Kafka's settings of a topic; may be repeated", collect)
    .option('--value-schema <file>', 'JSON Schema that values must fit (millrace.value.schema)')
    .option('--key-schema <file>', 'JSON Schema that keys must fit (millrace.key.schema)')
    .option('--if-not-exists', 'no error when the topic is there already')
    .action(async (topic: string, flags: ClientFlags & { partitions?: string; config?: string[]; valueSchema?: string; keySchema?: string; ifNotExists?: boolean }) => {
      const partitions = flags.partitions === undefined ? undefined : parseWhole('--partitions', flags.partitions, 1, 100_000);
      const configs = { ...pairs(flags.config), ...await schemaFrom(shell, 'millrace.value.schema', flags.valueSchema), ...await schemaFrom(shell, 'millrace.key.schema', flags.keySchema) };
      return withAdmin(shell, flags, async (admin) => {
        try {
          const [created] = await admin.createTopics([{ topic, partitions, configs }]);
          if (flags.json === true) shell.out.line(JSON.stringify(created));
          else shell.out.line(`Created topic ${shell.out.style('bold', topic)} with ${count(created?.partitions ?? partitions ?? 1, 'partition')}.`);
        } catch (error) {
          if (flags.ifNotExists !== true || !isMillraceError(error, 'topic-exists')) throw error;
          shell.err.line(`Topic ${topic} is there already.`);
        }
      });
    });
}

function addDescribe(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'describe <topic...>', 'Shows partitions, offsets, sizes and settings of topics.', [
    { says: 'with every setting, also those left at their default', line: 'millrace topics describe flights --all' },
  ]))
    .option('--all', 'also settings that have their default')
    .action((names: string[], flags: ClientFlags & { all?: boolean }) => withAdmin(shell, flags, async (admin) => {
      const topics = await topicFacts(admin, names);
      const described = await admin.describeConfigs(names.map((name) => ({ kind: 'topic', name })));
      const shown = topics.map((topic, i) => ({ ...topic, configs: described[i]!.configs.filter((config) => flags.all === true || config.source === 'topic') }));
      if (flags.json === true) return shell.out.line(JSON.stringify(shown.map((topic) => ({ ...topic, configs: Object.fromEntries(topic.configs.map((config) => [config.name, config.value])) }))));
      shown.forEach((topic, i) => { if (i > 0) shell.out.line(); describe(shell, topic); });
    }));
}

function describe(shell: Shell, topic: TopicFacts & { configs: readonly ConfigEntry[] }): void {
  const { out } = shell;
  out.line(`${out.style('bold', topic.topic)}  ${count(topic.partitions.length, 'partition')}, ${count(recordsIn(topic), 'record')}, ${bytesText(sum(topic.partitions, (one) => one.bytes))}  ${out.style('dim', `id ${topic.topicId}`)}`);
  const rows = topic.partitions.map((one) => [one.partition, one.leader, one.startOffset, one.endOffset, one.endOffset - one.startOffset, bytesText(one.bytes)]);
  for (const line of table([right('partition'), right('leader'), right('start'), right('end'), right('records'), right('size')], rows)) out.line(`  ${line}`);
  if (topic.configs.length === 0) return out.line('  settings: all at their defaults');
  for (const config of topic.configs) out.line(`  ${config.name}=${config.value ?? ''}${config.source === 'topic' ? '' : out.style('dim', `  (${config.source})`)}`);
}

function addAlter(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'alter <topic>', 'Adds partitions, sets and unsets settings.', [
    { says: 'keep a day, and go back to the default segment size', line: 'millrace topics alter flights --config retention.ms=86400000 --unset segment.bytes' },
    { says: 'widen it: keys move to other partitions', line: 'millrace topics alter flights --partitions 8' },
  ]))
    .option('--partitions <number>', 'the new number of partitions; it can only grow')
    .option('--config <key=value>', 'a setting to change; may be repeated', collect)
    .option('--unset <key>', 'a setting to bring back to its default; may be repeated', collect)
    .action((topic: string, flags: ClientFlags & { partitions?: string; config?: string[]; unset?: string[] }) => {
      const partitions = flags.partitions === undefined ? undefined : parseWhole('--partitions', flags.partitions, 1, 100_000);
      const set = pairs(flags.config);
      const unset = flags.unset ?? [];
      if (partitions === undefined && Object.keys(set).length === 0 && unset.length === 0) throw usageError(`Cannot alter '${topic}': say what, with --partitions, --config or --unset`);
      return withAdmin(shell, flags, async (admin) => {
        if (Object.keys(set).length + unset.length > 0) await admin.alterConfigs([{ kind: 'topic', name: topic, set, unset }]);
        if (partitions !== undefined) await admin.createPartitions(topic, partitions);
        if (flags.json === true) shell.out.line(JSON.stringify({ topic, partitions, set, unset }));
        else shell.out.line(`Altered topic ${shell.out.style('bold', topic)}.`);
      });
    });
}

function addDelete(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'delete <topic...>', 'Deletes topics with all their records.', [{ says: 'two at once', line: 'millrace topics delete clicks metrics' }]))
    .action((topics: string[], flags: ClientFlags) => withAdmin(shell, flags, async (admin) => {
      await admin.deleteTopics(topics);
      if (flags.json === true) shell.out.line(JSON.stringify({ deleted: topics }));
      else shell.out.line(`Deleted ${topics.join(', ')}.`);
    }));
}

/** Offsets and sizes of topics: three questions to each broker, however many topics there are. */
async function topicFacts(admin: Admin, names: readonly string[]): Promise<TopicFacts[]> {
  if (names.length === 0) return [];
  const topics = await admin.describeTopics(names);
  const places = topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })));
  const [starts, ends, folders] = await Promise.all([
    admin.listOffsets(places.map((place) => ({ ...place, at: 'earliest' as const }))), admin.listOffsets(places.map((place) => ({ ...place, at: 'latest' as const }))), admin.describeLogDirs(),
  ]);
  const key = (one: { topic: string; partition: number }) => `${one.topic} ${one.partition}`;
  const startOf = new Map(starts.map((one) => [key(one), one.offset]));
  const endOf = new Map(ends.map((one) => [key(one), one.offset]));
  const bytesOf = new Map(folders.flatMap((folder) => folder.partitions).map((one) => [key(one), one.bytes]));
  return topics.map(({ topic, topicId, isInternal, partitions }) => ({
    topic, topicId, internal: isInternal,
    partitions: [...partitions].sort((a, b) => a.partition - b.partition).map(({ partition, leaderId }) => {
      const place = key({ topic, partition });
      return { partition, leader: leaderId, startOffset: startOf.get(place) ?? 0, endOffset: endOf.get(place) ?? 0, bytes: bytesOf.get(place) ?? 0 };
    }),
  }));
}

const right = (title: string) => ({ title, right: true });
const count = (number: number, noun: string): string => `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0);
const recordsIn = (topic: TopicFacts): number => sum(topic.partitions, (one) => one.endOffset - one.startOffset);
const pairs = (texts: readonly string[] | undefined): Record<string, string> => Object.fromEntries((texts ?? []).map((text) => parsePair('--config', text)));

async function schemaFrom(shell: Shell, name: string, file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {};
  return { [name]: await readFile(resolve(shell.folder, file), 'utf8').catch((error: unknown) => { throw usageError(`Cannot read '${file}': ${(error as Error).message}`); }) };
}
