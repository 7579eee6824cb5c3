// node/metrics/collect.ts - the walk over a node that writes down every metric.
// Owns: which figure is which metric, and the bounds on what is listed. Never: turns (scrape.ts), the form (exposition.ts).
// C1 It stops (yields) after every few lines, wherever it may be long, so that its caller can leave the thread to others. What changes meanwhile is told as
// it is then: metrics of one scrape are not of one moment. C2 What is too much to list is counted in `millrace_metrics_omitted`.
import type { ApiFigures } from '../../broker/mod.ts';
import { errorName } from '../../wire/mod.ts';
import { labelText, type Exposition } from './exposition.ts';
import { families, type Family } from './families.ts';
import { groupFigures } from './group-figures.ts';
import type { Observed } from './observed.ts';
import type { ProcessFigures } from './process-figures.ts';
import type { Steps } from './steps.ts';
import { topicFigures } from './topic-figures.ts';

/** What a scrape asks for. */
export interface CollectOptions {
  /** A series for each partition, not one for each topic. */
  readonly perPartition: boolean;
}

/** What had to be waited for. */
export interface Awaited { readonly process: ProcessFigures; readonly diskFreeBytes: number | null }

const logStates = ['open', 'full', 'failed', 'closed'] as const;
const ms = 1000;

/** Writes all metrics into `out`, a few lines at a time (C1). */
export function* collect(observed: Observed, awaited: Awaited, options: CollectOptions, out: Exposition): Steps {
  const omitted = { topics: 0, partitions: 0, groups: 0, series: 0 };
  nodeFigures(observed, awaited, out);
  yield;
  logFigures(observed, awaited, out);
  yield;
  connectionFigures(observed, out);
  transactionFigures(observed, out);
  yield;
  yield* requestFigures([...observed.broker.services.metrics.requests.all()], out);
  yield* topicFigures(observed, options.perPartition, omitted, out);
  yield* groupFigures(observed, options.perPartition, omitted, out);
  out.family(families.omitted);
  for (const [what, count] of Object.entries(omitted)) out.value(count, labelText(['what', what]));
  out.end();
}

function nodeFigures({ broker, stalls, startedMs, version, readiness }: Observed, { process }: Awaited, out: Exposition): void {
  const { services } = broker;
  const one = (family: Family, value: number | null, labels = ''): void => { out.family(family); out.value(value, labels); };
  one(families.info, 1, labelText(['version', version], ['node_id', services.nodeId], ['cluster_id', services.clusterId]));
  one(families.ready, readiness().ready ? 1 : 0);
  one(families.started, startedMs / ms);
  one(families.topicCount, services.topics.all.size);
  one(families.partitionCount, services.topics.partitionCount);
  if (stalls !== null) {
    const { count, longestMs, totalMs } = stalls.figures;
    out.family(families.loopDelay);
    out.histogram(stalls.delayMs, ms);
    one(families.loopStalls, count);
    one(families.loopStallTime, totalMs / ms);
    one(families.loopStallMax, longestMs / ms);
  }
  one(families.loopActive, process.loopActiveSeconds);
  one(families.cpu, process.cpuSeconds);
  one(families.resident, process.residentBytes);
  one(families.descriptors, process.openDescriptors);
  one(families.descriptorsMax, process.descriptorsMax);
  one(families.processStarted, process.startedSeconds);
  one(families.heapUsed, process.heapUsedBytes);
  one(families.heapTotal, process.heapTotalBytes);
  one(families.external, process.externalBytes);
}

function logFigures({ log }: Observed, { diskFreeBytes }: Awaited, out: Exposition): void {
  const stats = log.stats();
  const one = (family: Family, value: number | null): void => { out.family(family); out.value(value); };
  out.family(families.logState);
  for (const state of logStates) out.value(log.state.kind === state ? 1 : 0, labelText(['state', state]));
  one(families.offlineLogDirs, log.state.kind === 'failed' ? 1 : 0);
  one(families.diskFree, diskFreeBytes);
  out.family(families.journalSync);
  out.histogram(stats.groupSyncMs, ms);
  out.family(families.journalWrite);
  out.histogram(stats.groupWriteMs, ms);
  out.family(families.journalGroup);
  out.histogram(stats.groupBytes, 1);
  one(families.journalBytes, stats.journalBytesWritten);
  one(families.appendedBytes, stats.bytesAppended);
  one(families.deviceBytes, stats.deviceBytesWritten);
  one(families.journalInFlight, stats.groupsInFlight);
  one(families.journalWaiting, stats.groupsWaiting);
  one(families.journalWait, stats.groupWaitMs / ms);
  one(families.checkpoints, stats.checkpoints);
  one(families.checkpointLag, stats.checkpointLagBytes);
  one(families.checkpointAge, stats.checkpointAgeMs === null ? null : stats.checkpointAgeMs / ms);
  one(families.unflushed, stats.unflushedBytes);
  one(families.tailBytes, stats.tailBytes);
  one(families.readMemory, stats.readBytes);
  one(families.openFiles, stats.openFiles);
  out.family(families.tailReads);
  out.value(stats.tailHits, 'result="hit"');
  out.value(stats.tailMisses, 'result="miss"');
  out.family(families.coldReads);
  out.histogram(stats.coldReadMs, ms);
  out.family(families.readAhead);
  out.value(stats.readAheadBegun, 'result="begun"');
  out.value(stats.readAheadHits, 'result="hit"');
}

function connectionFigures({ broker }: Observed, out: Exposition): void {
  const { connections, memory, memoryMax } = broker;
  const { accepted, refused, aborted, idle, pauses } = broker.services.metrics.connections;
  const one = (family: Family, value: number): void => { out.family(family); out.value(value); };
  one(families.connections, connections.open);
  one(families.connectionsAccepted, accepted);
  out.family(families.connectionsClosed);
  for (const [reason, count] of Object.entries({ refused, aborted, idle })) out.value(count, labelText(['reason', reason]));
  one(families.connectionsEvicted, connections.evicted);
  one(families.connectionPauses, pauses);
  one(families.requestMemory, memory.requestBytes);
  one(families.requestMemoryMax, memoryMax.requestBytes);
  one(families.responseMemory, memory.responseBytes);
  one(families.responseMemoryMax, memoryMax.responseBytes);
}

function transactionFigures({ broker, clock }: Observed, out: Exposition): void {
  const { open, oldestMs, ids } = broker.transactions.figures(clock.nowMs());
  const { commit, abort } = broker.services.metrics.transactionsEnded;
  out.family(families.transactionsOpen);
  out.value(open);
  out.family(families.transactionsOldest);
  out.value(oldestMs / ms);
  out.family(families.transactionsEnded);
  out.value(commit, 'result="commit"');
  out.value(abort, 'result="abort"');
  out.family(families.transactionalIds);
  out.value(ids);
}

function* requestFigures(all: readonly ApiFigures[], out: Exposition): Steps {
  const each = function* (family: Family, write: (figures: ApiFigures, labels: string) => void): Steps {
    out.family(family);
    for (const figures of all) write(figures, labelText(['request', figures.name]));
    yield;
  };
  yield* each(families.requests, (figures, labels) => out.value(figures.totalMs.count, labels));
  yield* each(families.requestErrors, ({ name, errors }) => { for (const [code, count] of errors) out.value(count, labelText(['request', name], ['error', errorName(code)])); });
  yield* each(families.requestTime, ({ totalMs }, labels) => out.histogram(totalMs, ms, labels));
  yield* each(families.requestQueueTime, ({ queueMs, totalMs }, labels) => out.sums(queueMs / ms, totalMs.count, labels));
  yield* each(families.requestLocalTime, ({ handleMs, totalMs }, labels) => out.sums(handleMs / ms, totalMs.count, labels));
  yield* each(families.requestRemoteTime, ({ waitMs, totalMs }, labels) => out.sums(waitMs / ms, totalMs.count, labels));
  yield* each(families.requestSendTime, ({ sendMs, totalMs }, labels) => out.sums(sendMs / ms, totalMs.count, labels));
  yield* each(families.requestBytes, ({ requestBytes }, labels) => out.histogram(requestBytes, 1, labels));
  yield* each(families.responseBytes, ({ responseBytes }, labels) => out.histogram(responseBytes, 1, labels));
}
