// cli/share-groups.ts - how `millrace groups` shows and moves share groups.
// Owns: their rows. Never: flags (groups.ts), the exchanges (client/admin).
import type { Admin, TopicPartition } from '../client/mod.ts';
import type { Shell } from './shell.ts';
import { grouped, table } from './table.ts';

const right = (title: string) => ({ title, right: true });
const placeName = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;
const byPlace = (a: TopicPartition, b: TopicPartition): number => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1);

/** True for the name of a share group. */
export async function isShareGroup(admin: Admin, group: string): Promise<boolean> {
  return (await admin.listGroups()).some((one) => one.group === group && one.type.toLowerCase() === 'share');
}

/** Shows members, where the group stands, and what waits. */
export async function describeShare(shell: Shell, admin: Admin, group: string, json: boolean): Promise<void> {
  const description = await admin.describeShareGroup(group);
  const members = new Map<string, number>();
  for (const place of description.members.flatMap(({ assignment }) => assignment)) members.set(placeName(place), (members.get(placeName(place)) ?? 0) + 1);
  const partitions = [...await admin.shareGroupPositions(group)].sort(byPlace).map((one) => ({ ...one, members: members.get(placeName(one)) ?? 0 }));
  const lag = partitions.reduce((total, one) => total + Math.max(0, one.lag), 0);
  if (json) return shell.out.line(JSON.stringify({ ...description, type: 'share', lag, partitions }));
  const { out } = shell;
  out.line(`${out.style('bold', group)}  share group, ${description.state.toLowerCase()}, ${description.members.length} member${description.members.length === 1 ? '' : 's'}, ${out.style(lag > 0 ? 'yellow' : 'green', `${grouped(lag)} records to do`)}`);
  if (partitions.length === 0) return out.line('  nothing read yet');
  for (const line of table(['topic', right('partition'), right('start'), right('to do'), right('members')], partitions.map((one) => [one.topic, one.partition, one.startOffset, one.lag < 0 ? '-' : one.lag, one.members]))) out.line(`  ${line}`);
}

/** Where the group stands now, as a reset wants it. */
export async function sharePlaces(admin: Admin, group: string): Promise<(TopicPartition & { readonly offset: number })[]> {
  return [...await admin.shareGroupPositions(group)].sort(byPlace).map(({ topic, partition, startOffset }) => ({ topic, partition, offset: startOffset }));
}
