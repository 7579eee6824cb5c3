// cli/top/kafka-source.ts - figures by Kafka's protocol alone: for Apache Kafka, and for nodes whose own figures cannot be reached.
// Owns: which questions are asked. Never: how they are asked (client/).
// K1 Records in are end offsets: what was ever written. K2 At most so many topics and groups are looked at that a look stays short; the rest is counted.
import { isMillraceError } from '../../base/mod.ts';
import type { Admin } from '../../client/mod.ts';
import type { Figures, FigureSource, GroupFigures, TopicFigures } from './figures.ts';

const topicsMax = 1_000;
const groupsMax = 200;
const groupsAtOnce = 8;

/** Figures from a server of any kind. */
export function kafkaSource(admin: Admin, server: string, nowMs: () => number): FigureSource {
  return {
    name: server,
    async look(): Promise<Figures> {
      const [names, groups] = await Promise.all([admin.listTopics(), admin.listGroups()]);
      const listed = groups.filter((one) => one.protocolType === 'consumer' || one.protocolType === '').map((one) => ({ group: one.group, state: one.state })).sort((a, b) => (a.group < b.group ? -1 : 1));
      const [topics, lags] = await Promise.all([lookAtTopics(admin, names.slice(0, topicsMax)), lookAtGroups(admin, listed.slice(0, groupsMax))]);
      return { atMs: nowMs(), node: null, topics, groups: lags, omitted: Math.max(0, names.length - topicsMax) + Math.max(0, listed.length - groupsMax) };
    },
  };
}

async function lookAtTopics(admin: Admin, names: readonly string[]): Promise<Map<string, TopicFigures>> {
  if (names.length === 0) return new Map();
  const described = await admin.describeTopics(names);
  const ends = await admin.listOffsets(described.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition, at: 'latest' as const }))));
  const sums = new Map<string, number>();
  for (const { topic, offset } of ends) sums.set(topic, (sums.get(topic) ?? 0) + Math.max(0, offset));
  return new Map(described.map(({ topic, partitions }) => [topic, { partitions: partitions.length, recordsIn: sums.get(topic) ?? 0, bytesIn: null, recordsOut: null, bytesOut: null, sizeBytes: null }]));
}

async function lookAtGroups(admin: Admin, groups: readonly { readonly group: string; readonly state: string }[]): Promise<Map<string, GroupFigures>> {
  const found = new Map<string, GroupFigures>();
  for (let from = 0; from < groups.length; from += groupsAtOnce) {
    await Promise.all(groups.slice(from, from + groupsAtOnce).map(async ({ group, state }) => {
      const lag = await lagOf(admin, group);
      if (lag !== null) found.set(group, { state, members: null, lag, lagSeconds: null });
    }));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Null for a group that is gone by now, or that we may not look at. */
async function lagOf(admin: Admin, group: string): Promise<number | null> {
  try {
    return (await admin.groupLag(group)).reduce((sum, one) => sum + one.lag, 0);
  } catch (error) {
    if (isMillraceError(error, 'not-authorized') || isMillraceError(error, 'group-not-found') || isMillraceError(error, 'topic-not-found')) return null;
    throw error;
  }
}
