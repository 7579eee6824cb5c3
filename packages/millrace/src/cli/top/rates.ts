// cli/top/rates.ts - two looks become what happened between them.
// Owns: rates, quantiles, histories for the sparklines. Never: how they are shown (layout.ts), where looks come from.
// R1 A counter that fell began anew (the node was restarted): the time between has no rate. R2 Quantiles are of the time between the looks, estimated within
// their bucket as Prometheus does.
import type { Buckets, Figures, GroupFigures, NodeFigures, TopicFigures } from './figures.ts';

/** A number a second; null where it cannot be told. */
export type Rate = number | null;

/** One topic. */
export interface TopicRow {
  readonly topic: string; readonly partitions: number; readonly recordsIn: Rate; readonly bytesIn: Rate; readonly recordsOut: Rate; readonly bytesOut: Rate; readonly sizeBytes: number | null;
  /** Records in a second, the newest last. */
  readonly history: readonly number[];
}

/** One group. */
export interface GroupRow {
  readonly group: string; readonly state: string; readonly members: number | null; readonly lag: number; readonly lagSeconds: number | null;
  /** Records a second by which the lag grows. */
  readonly lagRate: Rate;
  /** Lag in records, the newest last. */
  readonly history: readonly number[];
}

/** How many there were a second, and how long half and 99 of 100 of them took at most, in seconds. */
export interface Latency { readonly perSecond: Rate; readonly p50: number | null; readonly p99: number | null }

/** The node. */
export interface NodeRow {
  readonly figures: NodeFigures;
  /** Share of one processor, 0 to the number of them. */
  readonly cpu: Rate; readonly journal: Latency; readonly journalBytes: Rate; readonly loop: Latency; readonly stalls: number;
  /** Share of reads served from memory; null when there were none. */
  readonly tailShare: number | null;
  /** The busiest first. */
  readonly requests: readonly (Latency & { readonly api: string })[];
}

/** All that a screen shows. */
export interface View {
  readonly seconds: number;
  readonly node: NodeRow | null;
  readonly total: { readonly recordsIn: Rate; readonly bytesIn: Rate; readonly recordsOut: Rate; readonly bytesOut: Rate; readonly history: readonly number[] };
  readonly topics: readonly TopicRow[];
  readonly groups: readonly GroupRow[];
  readonly omitted: number;
}

const historyMax = 60;
const totalKey = '';

/** Looks in order, and what lay between the last two. */
export class Rates {
  #before: Figures | null = null;
  #topicHistories = new Map<string, number[]>();
  #groupHistories = new Map<string, number[]>();

  /** Takes the next look; null for the first. */
  add(now: Figures): View | null {
    const before = this.#before;
    this.#before = now;
    if (before === null) return null;
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
    const topics = [...now.topics].map(([topic, figures]) => topicRow(topic, before.topics.get(topic), figures, seconds));
    const total = totalOf(topics);
    this.#topicHistories = grown(this.#topicHistories, [...topics.map(({ topic, recordsIn }) => [topic, recordsIn ?? 0] as const), [totalKey, total.recordsIn ?? 0]]);
    this.#groupHistories = grown(this.#groupHistories, [...now.groups].map(([group, { lag }]) => [group, lag] as const));
    return {
      seconds, omitted: now.omitted, node: now.node === null ? null : nodeRow(before.node, now.node, seconds),
      total: { ...total, history: this.#topicHistories.get(totalKey)! },
      topics: topics.map((row) => ({ ...row, history: this.#topicHistories.get(row.topic)! })),
      groups: [...now.groups].map(([group, figures]) => groupRow(group, before.groups.get(group), figures, seconds, this.#groupHistories.get(group)!)),
    };
  }
}

/** What is gone loses its history. */
function grown(before: ReadonlyMap<string, number[]>, values: readonly (readonly [string, number])[]): Map<string, number[]> {
  return new Map(values.map(([key, value]) => [key, [...(before.get(key) ?? []), value].slice(-historyMax)]));
}

/** R1. */
function rate(before: number | null | undefined, now: number | null, seconds: number): Rate {
  return before === null || before === undefined || now === null || now < before ? null : (now - before) / seconds;
}

function topicRow(topic: string, before: TopicFigures | undefined, now: TopicFigures, seconds: number): Omit<TopicRow, 'history'> {
  return {
    topic, partitions: now.partitions, sizeBytes: now.sizeBytes, recordsIn: rate(before?.recordsIn, now.recordsIn, seconds), bytesIn: rate(before?.bytesIn, now.bytesIn, seconds),
    recordsOut: rate(before?.recordsOut, now.recordsOut, seconds), bytesOut: rate(before?.bytesOut, now.bytesOut, seconds),
  };
}

/** A sum over topics; null when not one of them could be told. */
function totalOf(topics: readonly Omit<TopicRow, 'history'>[]): Omit<View['total'], 'history'> {
  const sum = (of: (row: Omit<TopicRow, 'history'>) => Rate): Rate => {
    const known = topics.map(of).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
  };
  return { recordsIn: sum((row) => row.recordsIn), bytesIn: sum((row) => row.bytesIn), recordsOut: sum((row) => row.recordsOut), bytesOut: sum((row) => row.bytesOut) };
}

function groupRow(group: string, before: GroupFigures | undefined, now: GroupFigures, seconds: number, history: readonly number[]): GroupRow {
  return { group, ...now, lagRate: before === undefined ? null : (now.lag - before.lag) / seconds, history };
}

function nodeRow(before: NodeFigures | null, now: NodeFigures, seconds: number): NodeRow {
  const same = before !== null && before.startedSeconds === now.startedSeconds ? before : null;
  const hits = same === null ? 0 : now.tailHits - same.tailHits;
  const misses = same === null ? 0 : now.tailMisses - same.tailMisses;
  const requests = [...now.requests].map(([api, buckets]) => ({ api, ...latency(same?.requests.get(api) ?? (same === null ? undefined : zero(buckets)), buckets, seconds) }));
  return {
    figures: now, cpu: rate(same?.cpuSeconds, now.cpuSeconds, seconds), journal: latency(same?.journalSync, now.journalSync, seconds), journalBytes: rate(same?.journalBytes, now.journalBytes, seconds),
    loop: latency(same?.loopDelay, now.loopDelay, seconds), stalls: same === null ? 0 : now.stalls - same.stalls, tailShare: hits + misses === 0 ? null : hits / (hits + misses),
    requests: requests.filter(({ perSecond }) => perSecond !== null && perSecond > 0).sort((a, b) => b.perSecond! - a.perSecond!),
  };
}

/** An api that nobody had asked for yet. */
const zero = (buckets: Buckets): Buckets => ({ ...buckets, counts: buckets.counts.map(() => 0) });

function latency(before: Buckets | null | undefined, now: Buckets | null, seconds: number): Latency {
  if (before === null || before === undefined || now === null || before.bounds.length !== now.bounds.length) return { perSecond: null, p50: null, p99: null };
  const counts = now.counts.map((count, i) => count - before.counts[i]!);
  return { perSecond: counts.at(-1)! / seconds, p50: quantile(now.bounds, counts, 0.5), p99: quantile(now.bounds, counts, 0.99) };
}

/** R2: null when there was nothing. */
export function quantile(bounds: readonly number[], counts: readonly number[], share: number): number | null {
  const all = counts.at(-1) ?? 0;
  if (all <= 0) return null;
  const wanted = all * share;
  const place = counts.findIndex((count) => count >= wanted);
  const upper = bounds[place]!;
  const lower = place === 0 ? 0 : bounds[place - 1]!;
  if (upper === Infinity) return lower;
  const below = place === 0 ? 0 : counts[place - 1]!;
  return lower + (upper - lower) * ((wanted - below) / Math.max(1e-9, counts[place]! - below));
}
