// cli/groups.ts - `millrace groups`: list groups of consumers (and share groups, share-groups.ts), show how far they are behind, move their offsets, delete them.
// Owns: their flags and how groups are shown. Never: the exchanges (client/admin).
import type { Command } from 'commander';
import { MillraceError } from '../base/mod.ts';
import type { Admin, GroupDescription, OffsetSpec, TopicPartition } from '../client/mod.ts';
import { addSubcommand, newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, withAdmin } from './connection.ts';
import { describeShare, isShareGroup, sharePlaces } from './share-groups.ts';
import type { Shell } from './shell.ts';
import { grouped, table } from './table.ts';
import { collect, parseInstant, parseWhole, usageError } from './values.ts';

/** Defines the command. */
export function groupsCommand(shell: Shell): Command {
  const command = newCommand(shell, 'groups', 'Lists consumer groups and share groups, shows how far they are behind, and moves their offsets.', [
    { says: 'how far is the group behind?', line: 'millrace groups describe billing' },
    { says: 'what would it read again from last midnight?', line: 'millrace groups reset billing --topic clicks --to-datetime 2026-11-21 --dry-run' },
  ]);
  addList(command, shell);
  addDescribe(command, shell);
  addReset(command, shell);
  addDelete(command, shell);
  return command;
}

function addList(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'list', 'Lists consumer groups and share groups, and their states.')).action((flags: ClientFlags) => withAdmin(shell, flags, async (admin) => {
    const groups = [...await admin.listGroups()].sort((a, b) => (a.group < b.group ? -1 : 1));
    if (flags.json === true) return shell.out.line(JSON.stringify(groups));
    if (groups.length === 0) return shell.err.line('No groups yet. A consumer makes one: millrace consume TOPIC --group NAME');
    for (const line of table(['group', 'state', 'type'], groups.map((one) => [one.group, one.state, one.type === '' ? 'classic' : one.type]))) shell.out.line(line);
  }));
}

function addDescribe(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'describe <group>', 'Shows members, offsets and lag of a group; of a share group where it begins and how many records it has to do.', [
    { says: 'total lag, for an alert', line: "millrace groups describe billing --json | jq .lag" },
  ])).action((group: string, flags: ClientFlags) => withAdmin(shell, flags, async (admin) => {
    if (await isShareGroup(admin, group)) return await describeShare(shell, admin, group, flags.json === true);
    const description = await existing(admin, group);
    const readers = readersOf(description);
    const partitions = [...await admin.groupLag(group)].sort(byPlace).map((one) => ({ ...one, member: readers.get(placeName(one)) ?? null }));
    const lag = partitions.reduce((total, one) => total + one.lag, 0);
    if (flags.json === true) return shell.out.line(JSON.stringify({ ...description, lag, partitions }));
    const { out } = shell;
    out.line(`${out.style('bold', group)}  ${description.state.toLowerCase()}, ${description.members.length} member${description.members.length === 1 ? '' : 's'}, ${out.style(lag > 0 ? 'yellow' : 'green', `${grouped(lag)} records behind`)}`);
    const rows = partitions.map((one) => [one.topic, one.partition, one.committedOffset, one.endOffset, one.lag, one.member ?? '-']);
    if (rows.length === 0) return out.line('  nothing committed yet');
    for (const line of table(['topic', right('partition'), right('committed'), right('end'), right('lag'), 'member'], rows)) out.line(`  ${line}`);
  }));
}

interface ResetFlags extends ClientFlags {
  readonly topic?: string[]; readonly toEarliest?: boolean; readonly toLatest?: boolean; readonly toOffset?: string; readonly toDatetime?: string; readonly dryRun?: boolean;
}

function addReset(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'reset <group>', 'Moves the committed offsets of a group that has no members now.', [
    { says: 'read everything again', line: 'millrace groups reset billing --topic clicks --to-earliest' },
    { says: 'only partitions 0 and 2, from a time on', line: 'millrace groups reset billing --topic clicks:0,2 --to-datetime 2026-11-21T08:00:00Z' },
    { says: 'only look', line: 'millrace groups reset billing --to-latest --dry-run' },
  ]))
    .option('--topic <topic[:partitions]>', 'what to move; may be repeated (default: all that the group has committed)', collect)
    .option('--to-earliest', 'to the first record that is there')
    .option('--to-latest', 'to the end')
    .option('--to-offset <number>', 'to an offset, brought within what is there')
    .option('--to-datetime <time>', 'to the first record at or after a time: 2026-11-21, 2026-11-21T08:00:00Z, or milliseconds since 1970')
    .option('--dry-run', 'say what would change and change nothing')
    .action((group: string, flags: ResetFlags) => {
      const place = targetOf(flags);
      const wanted = (flags.topic ?? []).map(parseTopicChoice);
      return withAdmin(shell, flags, (admin) => reset(shell, admin, group, place, wanted, flags));
    });
}

async function reset(shell: Shell, admin: Admin, group: string, place: Place, wanted: readonly TopicChoice[], flags: ResetFlags): Promise<void> {
  const isShare = await isShareGroup(admin, group);
  const committed = new Map((isShare ? await sharePlaces(admin, group) : await admin.groupOffsets(group)).map((one) => [placeName(one), one]));
  const partitions = wanted.length > 0 ? await choose(admin, wanted) : [...committed.values()].sort(byPlace);
  if (partitions.length === 0) throw new MillraceError('group-not-found', `Cannot reset group '${group}': it has committed nothing; name a topic with --topic`, { group });
  const targets = await offsetsAt(admin, partitions, place);
  const moves = targets.map((target) => ({ ...target, from: committed.get(placeName(target))?.offset ?? null }));
  if (flags.dryRun !== true) await (isShare ? admin.setShareGroupOffsets(group, targets) : admin.setGroupOffsets(group, targets));
  if (flags.json === true) return shell.out.line(JSON.stringify({ group, dryRun: flags.dryRun === true, moves: moves.map(({ topic, partition, from, offset }) => ({ topic, partition, from, to: offset })) }));
  for (const line of table(['topic', right('partition'), right('from'), right('to')], moves.map((move) => [move.topic, move.partition, move.from === null ? '-' : grouped(move.from), move.offset]))) shell.out.line(line);
  shell.err.line(flags.dryRun === true ? 'Nothing was changed (--dry-run).' : `Group ${group} reads on from there.`);
}

function addDelete(parent: Command, shell: Shell): void {
  addClientFlags(addSubcommand(parent, shell, 'delete <group...>', 'Deletes groups that have no members, with their committed offsets.')).action((groups: string[], flags: ClientFlags) => withAdmin(shell, flags, async (admin) => {
    for (const group of groups) await admin.deleteGroup(group);
    if (flags.json === true) shell.out.line(JSON.stringify({ deleted: groups }));
    else shell.out.line(`Deleted ${groups.join(', ')}.`);
  }));
}

/** Where a reset goes. */
type Place = { readonly kind: 'spec'; readonly at: OffsetSpec } | { readonly kind: 'offset'; readonly offset: number };

function targetOf(flags: ResetFlags): Place {
  const given: Place[] = [];
  if (flags.toEarliest === true) given.push({ kind: 'spec', at: 'earliest' });
  if (flags.toLatest === true) given.push({ kind: 'spec', at: 'latest' });
  if (flags.toOffset !== undefined) given.push({ kind: 'offset', offset: parseWhole('--to-offset', flags.toOffset, 0) });
  if (flags.toDatetime !== undefined) given.push({ kind: 'spec', at: { timestampMs: parseInstant('--to-datetime', flags.toDatetime) } });
  if (given.length !== 1) throw usageError('Cannot reset: give exactly one of --to-earliest, --to-latest, --to-offset and --to-datetime');
  return given[0]!;
}

interface TopicChoice { readonly topic: string; readonly partitions: readonly number[] | null }

function parseTopicChoice(text: string): TopicChoice {
  const [topic, list] = text.split(':', 2) as [string, string?];
  return { topic, partitions: list === undefined ? null : list.split(',').map((one) => parseWhole('--topic', one, 0)) };
}

async function choose(admin: Admin, wanted: readonly TopicChoice[]): Promise<TopicPartition[]> {
  const topics = await admin.describeTopics(wanted.map((one) => one.topic));
  return topics.flatMap(({ topic, partitions }, i) => {
    const chosen = wanted[i]!.partitions ?? partitions.map((one) => one.partition).sort((a, b) => a - b);
    return chosen.map((partition) => ({ topic, partition }));
  });
}

/** Offsets of a place; a time after the last record is the end, an offset out of range is brought to the nearest end. */
async function offsetsAt(admin: Admin, partitions: readonly TopicPartition[], place: Place): Promise<(TopicPartition & { offset: number })[]> {
  const at = async (spec: OffsetSpec) => (await admin.listOffsets(partitions.map(({ topic, partition }) => ({ topic, partition, at: spec })))).map((one) => one.offset);
  const [starts, ends] = await Promise.all([at('earliest'), at('latest')]);
  const found = place.kind === 'spec' ? await at(place.at) : partitions.map(() => place.offset);
  return partitions.map(({ topic, partition }, i) => {
    const offset = found[i]! < 0 ? ends[i]! : Math.min(Math.max(found[i]!, starts[i]!), ends[i]!);
    return { topic, partition, offset };
  });
}

/** Rejects 'group-not-found' for a group that has neither members nor offsets. */
async function existing(admin: Admin, group: string): Promise<GroupDescription> {
  const description = await admin.describeGroup(group);
  if (description.state === 'Dead' && (await admin.groupOffsets(group)).length === 0) throw new MillraceError('group-not-found', `Cannot describe group '${group}': no such group`, { group });
  return description;
}

/** Who reads each partition now, by client and member. */
function readersOf(description: GroupDescription): Map<string, string> {
  return new Map(description.members.flatMap((member) => member.assignment.map((place) => [placeName(place), `${member.clientId} ${member.host}`] as const)));
}

const byPlace = (a: TopicPartition, b: TopicPartition): number => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1);
const right = (title: string) => ({ title, right: true });
const placeName = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;
