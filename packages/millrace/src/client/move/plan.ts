// client/move/plan.ts - what a move would do: topics, settings that the target takes and refuses, what stays behind.
// Owns: that decision. Never: doing it (move.ts).
// S1 A setting counts as refused when the target refuses to create such a topic with it alone. S2 What deletes or refuses records, or changes their time,
// is in force only from the cutover on: else the copy would not be whole.
import { isMillraceError, MillraceError } from '../../base/mod.ts';
import { Admin } from '../admin/admin.ts';
import type { Cluster } from '../net/cluster.ts';
import { ImportBatches } from '../../wire/mod.ts';
import { isWanted, movesTopic } from './names.ts';
import { notMoved } from './not-moved.ts';
import type { MoveKind, MoveOptions, MovePlan, RefusedSetting, TopicPlan } from './options.ts';

/** S2. */
const later: ReadonlySet<string> = new Set([
  'retention.ms', 'retention.bytes', 'cleanup.policy', 'local.retention.ms', 'local.retention.bytes', 'remote.storage.enable', 'message.timestamp.type', 'message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms', 'message.timestamp.difference.max.ms', 'millrace.key.schema', 'millrace.value.schema', 'min.insync.replicas', 'max.message.bytes',
]);
/** In force while the move goes on. */
const meanwhile: Readonly<Record<string, string>> = {
  'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete', 'message.timestamp.type': 'CreateTime', 'message.timestamp.before.max.ms': '9223372036854775807', 'message.timestamp.after.max.ms': '9223372036854775807',
};
/** Largest batch that every Kafka takes; the source's own limit is in force from the cutover on. */
const batchBytesMax = String(64 * 1024 * 1024);
/** The key that marks a topic of Millrace as being moved, and what is put before its value when the move is over. */
export const importKey = 'millrace.import.from';
/** Stands before the source's id once the move is over. */
export const importDone = 'done:';
/** How a topic of a source is named for ever: one that is deleted and made again is another one. */
export const sourceName = (sourceId: string, topicId: string): string => `${sourceId}/${topicId}`;
/** Of no use elsewhere: names of brokers, keys that are this move's own. */
const own: ReadonlySet<string> = new Set([importKey, 'leader.replication.throttled.replicas', 'follower.replication.throttled.replicas']);

/** What is known of both sides before the plan is made. */
export interface Sides { readonly source: Cluster; readonly target: Cluster; readonly sourceId: string; readonly kind: MoveKind; stateOf(topic: string, topicId: string): Promise<TopicPlan['state']> }

/** How the target takes records: decided by whether it knows ImportBatches. */
export async function kindOf(target: Cluster): Promise<MoveKind> {
  const connection = await target.connectionFor({ kind: 'any' }, 'main', target.deadline(target.options.requestTimeoutMs));
  return connection.speaks(ImportBatches) ? 'exact' : 'mapped';
}

/** Makes the plan. Rejects 'topic-exists' for a topic of the target that is none of this move's, 'invalid-argument' when there is nothing to move. */
export async function makePlan(sides: Sides, options: MoveOptions): Promise<MovePlan> {
  const source = new Admin(sides.source, sides.source.options.requestTimeoutMs);
  const target = new Admin(sides.target, sides.target.options.requestTimeoutMs);
  const all = (await source.listTopics({ internal: true })).filter((topic) => isWanted(options.topics, topic));
  const described = await source.describeTopics(all);
  const named = described.filter(({ topic, isInternal }) => !isInternal && !topic.startsWith('__') && topic !== movesTopic);
  if (named.length === 0) throw new MillraceError('invalid-argument', `Cannot move anything: the source has no topic that fits ${options.topics?.join(', ') ?? '(all)'}`);
  const there = new Set(await target.listTopics({ internal: true }));
  const topics: TopicPlan[] = [];
  for (const { topic, topicId, partitions } of named) topics.push(await planTopic(sides, source, target, { topic, topicId }, partitions.length, there.has(topic), options.onlyVerify === true));
  const groups = (await source.listGroups()).filter(({ group, type }) => type.toLowerCase() !== 'share' && isWanted(options.groups, group)).map(({ group }) => group).sort();
  const left = described.filter(({ isInternal, topic }) => isInternal || topic.startsWith('__')).map(({ topic }) => topic);
  const shares = (await source.listGroups()).filter(({ type }) => type.toLowerCase() === 'share').map(({ group }) => group);
  return {
    kind: sides.kind, sourceId: sides.sourceId, targetId: sides.target.view.clusterId ?? '', topics, groups,
    notMoved: [
      ...(left.length === 0 ? [] : [`the source's own topics: ${left.join(', ')}`]), ...(shares.length === 0 ? [] : [`positions of share groups: ${shares.join(', ')}`]), ...await notMoved(sides.source),
      'open transactions, transactional ids and sequence numbers of producers: producers begin anew at the target',
    ],
  };
}

async function planTopic(sides: Sides, source: Admin, target: Admin, { topic, topicId }: Pick<TopicPlan, 'topic' | 'topicId'>, partitions: number, isThere: boolean, onlyVerify: boolean): Promise<TopicPlan> {
  const state = isThere ? await sides.stateOf(topic, topicId) : 'new';
  if (onlyVerify && !isThere) throw new MillraceError('topic-not-found', `Cannot verify '${topic}': the target has no such topic`, { topic });
  if (isThere && state === 'new' && !onlyVerify && !(sides.kind === 'mapped' && await isEmpty(target, topic, partitions))) {
    throw new MillraceError('topic-exists', `Cannot move '${topic}': the target has a topic of that name already, and it is none that this move has begun; delete it, or leave the topic out`, { topic });
  }
  const [description] = await source.describeConfigs([{ kind: 'topic', name: topic }]);
  const settings: Record<string, string> = {};
  const settingsAtCutover: Record<string, string> = {};
  const refused: RefusedSetting[] = [];
  for (const { name, value, source: from } of description!.configs) {
    if (from !== 'topic' || value === null || own.has(name)) continue;
    const why = await refusalOf(target, sides.kind, topic, partitions, isThere, name, value);
    if (why !== null) refused.push({ name, value, why });
    else (later.has(name) ? settingsAtCutover : settings)[name] = value;
  }
  const [starts, ends] = await Promise.all((['earliest', 'latest'] as const).map((at) => source.listOffsets(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, at })), { isolation: 'read_committed' })));
  return { topic, topicId, partitions, state, offsetsToCopy: ends!.reduce((sum, end, i) => sum + end.offset - starts![i]!.offset, 0), settings, settingsAtCutover, refused };
}

async function isEmpty(target: Admin, topic: string, partitions: number): Promise<boolean> {
  const [described] = await target.describeTopics([topic]);
  if (described!.partitions.length !== partitions) return false;
  const ends = await target.listOffsets(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, at: 'latest' as const })));
  return ends.every(({ offset }) => offset === 0);
}

/** S1. A topic that is there already is asked by altering it, without doing so. */
async function refusalOf(target: Admin, kind: MoveKind, topic: string, partitions: number, isThere: boolean, name: string, value: string): Promise<string | null> {
  try {
    if (isThere) await target.alterConfigs([{ kind: 'topic', name: topic, set: { [name]: value } }], { validateOnly: true });
    else await target.createTopics([{ topic, partitions, configs: { [name]: value } }], { validateOnly: true });
    return null;
  } catch (error) {
    if (!isMillraceError(error) || (error.retry && kind !== 'mapped')) throw error;
    if (!isMillraceError(error, 'invalid-argument')) throw error;
    return error.message;
  }
}

/** Settings with which a topic is made for the move. */
export function settingsMeanwhile(plan: TopicPlan, kind: MoveKind, sourceId: string): Record<string, string> {
  return { ...plan.settings, ...meanwhile, 'max.message.bytes': batchBytesMax, ...(kind === 'exact' ? { [importKey]: sourceName(sourceId, plan.topicId) } : {}) };
}

/** What has to change at the cutover: the settings of the source, and the defaults where it has none. */
export function changeAtCutover(plan: TopicPlan, kind: MoveKind, sourceId: string): { readonly set: Record<string, string>; readonly unset: string[] } {
  const unset = [...Object.keys(meanwhile), 'max.message.bytes'].filter((name) => plan.settingsAtCutover[name] === undefined);
  return { set: { ...plan.settingsAtCutover, ...(kind === 'exact' ? { [importKey]: importDone + sourceName(sourceId, plan.topicId) } : {}) }, unset };
}
