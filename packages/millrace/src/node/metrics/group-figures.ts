// node/metrics/group-figures.ts - the part of a scrape about groups.
// Owns: which of their figures is which metric, and what a topic's partitions are together. Never: what lag is (broker/metrics).
import { limits } from '../../base/mod.ts';
import { placesOf, stateName, type Group, type GroupPlace } from '../../broker/mod.ts';
import { labelText, type Exposition } from './exposition.ts';
import { families } from './families.ts';
import type { Observed } from './observed.ts';
import { inSteps, type Steps } from './steps.ts';

const ms = 1000;

/** One line of a group's lag: a partition, or all of a topic together. */
interface LagLine { readonly labels: string; readonly lagRecords: number; readonly lagMs: number | null; readonly committedOffset: number }

/** Members, states and lag of every group that is listed. */
export function* groupFigures(observed: Observed, perPartition: boolean, omitted: { groups: number; series: number }, out: Exposition): Steps {
  const living: Group[] = [];
  const counts = new Map<string, number>();
  yield* inSteps(observed.broker.groups.all(), (group) => {
    if (group.phase.kind === 'dead') return;
    counts.set(stateName(group), (counts.get(stateName(group)) ?? 0) + 1);
    if (living.length < limits.metrics.groupsMax) living.push(group);
    else omitted.groups++;
  });
  out.family(families.groupCount);
  for (const [state, count] of counts) out.value(count, labelText(['state', state]));
  out.family(families.groupMembers);
  yield* inSteps(living, (group) => out.value(group.members.size, labelText(['consumergroup', group.id])));
  out.family(families.groupState);
  yield* inSteps(living, (group) => out.value(1, labelText(['consumergroup', group.id], ['state', stateName(group)])));
  const lines: LagLine[] = [];
  for (const group of living) yield* lagLines(observed, group, perPartition, lines, omitted);
  out.family(families.groupLag);
  yield* inSteps(lines, (line) => out.value(line.lagRecords, line.labels));
  out.family(families.groupLagSeconds);
  yield* inSteps(lines, (line) => out.value(line.lagMs === null ? null : line.lagMs / ms, line.labels));
  if (!perPartition) return;
  out.family(families.groupOffset);
  yield* inSteps(lines, (line) => out.value(line.committedOffset, line.labels));
}

function* lagLines({ broker, clock }: Observed, group: Group, perPartition: boolean, lines: LagLine[], omitted: { series: number }): Steps {
  const add = (line: LagLine): void => {
    if (lines.length < limits.metrics.groupSeriesMax) lines.push(line);
    else omitted.series++;
  };
  const nowMs = clock.nowMs();
  for (const topic of [...group.offsets.keys()]) {
    const places: GroupPlace[] = [];
    yield* inSteps(placesOf(group, topic, broker.services.topics, nowMs), (place) => places.push(place));
    if (places.length === 0) continue;
    if (!perPartition) add(together(group.id, topic, places));
    else for (const { partition, lagRecords, lagMs, committedOffset } of places) add({ labels: labelText(['consumergroup', group.id], ['topic', topic], ['partition', partition]), lagRecords, lagMs, committedOffset });
  }
}

function together(group: string, topic: string, places: readonly GroupPlace[]): LagLine {
  let lagRecords = 0;
  let longestMs = 0;
  let known = true;
  for (const place of places) {
    lagRecords += place.lagRecords;
    longestMs = Math.max(longestMs, place.lagMs ?? 0);
    known &&= place.lagMs !== null;
  }
  return { labels: labelText(['consumergroup', group], ['topic', topic]), lagRecords, lagMs: known ? longestMs : null, committedOffset: -1 };
}
