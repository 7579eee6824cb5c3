// cli/top/read-metrics.ts - the text of a node's metrics becomes figures.
// Owns: which metric is which figure. Never: how the text is come by. Lines that it does not know are passed over, so that nodes of other versions are read.
import type { Buckets, Figures, GroupFigures, NodeFigures, TopicFigures } from './figures.ts';

type Labels = Readonly<Record<string, string>>;
interface Sample { readonly labels: Labels; readonly value: number }
type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Figures from a text, and the cluster that it is of. */
export function readFigures(text: string, atMs: number): { figures: Figures; clusterId: string | null } {
  const samples = readSamples(text);
  const figures = { atMs, node: nodeOf(samples), topics: topicsOf(samples), groups: groupsOf(samples), omitted: (samples.get('millrace_metrics_omitted') ?? []).reduce((sum, { value }) => sum + value, 0) };
  return { figures, clusterId: samples.get('millrace_info')?.[0]?.labels['cluster_id'] ?? null };
}

function readSamples(text: string): Samples {
  const found = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const [, name, labels, value] = match as unknown as [string, string, string | undefined, string];
    let list = found.get(name);
    if (list === undefined) found.set(name, list = []);
    list.push({ labels: readLabels(labels ?? ''), value: value === '+Inf' ? Infinity : Number(value) });
  }
  return found;
}

function readLabels(text: string): Labels {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  return labels;
}

function topicsOf(samples: Samples): Map<string, TopicFigures> {
  const traffic = 'kafka_server_brokertopicmetrics_';
  const columns = {
    partitions: byLabel(samples, 'millrace_topic_partitions', 'topic'), recordsIn: byLabel(samples, `${traffic}messagesin_total`, 'topic'), bytesIn: byLabel(samples, `${traffic}bytesin_total`, 'topic'),
    recordsOut: byLabel(samples, 'millrace_topic_messagesout_total', 'topic'), bytesOut: byLabel(samples, `${traffic}bytesout_total`, 'topic'), sizeBytes: byLabel(samples, 'kafka_log_log_size_bytes', 'topic'),
  };
  return new Map([...columns.partitions].filter(([topic]) => !topic.startsWith('__')).map(([topic, partitions]) => [topic, {
    partitions, recordsIn: columns.recordsIn.get(topic) ?? 0, bytesIn: columns.bytesIn.get(topic) ?? null, recordsOut: columns.recordsOut.get(topic) ?? null,
    bytesOut: columns.bytesOut.get(topic) ?? null, sizeBytes: columns.sizeBytes.get(topic) ?? null,
  }]));
}

function groupsOf(samples: Samples): Map<string, GroupFigures> {
  const members = byLabel(samples, 'kafka_consumergroup_members', 'consumergroup');
  const lags = byLabel(samples, 'kafka_consumergroup_lag', 'consumergroup');
  const seconds = new Map<string, number>();
  for (const { labels, value } of samples.get('kafka_consumergroup_lag_seconds') ?? []) seconds.set(labels['consumergroup']!, Math.max(value, seconds.get(labels['consumergroup']!) ?? 0));
  return new Map((samples.get('kafka_consumergroup_state') ?? []).map(({ labels }) => {
    const group = labels['consumergroup']!;
    return [group, { state: labels['state']!, members: members.get(group) ?? null, lag: lags.get(group) ?? 0, lagSeconds: seconds.get(group) ?? null }];
  }));
}

function nodeOf(samples: Samples): NodeFigures | null {
  const info = samples.get('millrace_info')?.[0];
  if (info === undefined) return null;
  const one = (name: string): number | null => samples.get(name)?.[0]?.value ?? null;
  const reads = byLabel(samples, 'millrace_tail_reads_total', 'result');
  const requests = new Map<string, Buckets>();
  for (const api of new Set((samples.get('kafka_network_requestmetrics_requests_total') ?? []).map(({ labels }) => labels['request']!))) {
    const buckets = bucketsOf(samples, 'kafka_network_requestmetrics_totaltime_seconds', (labels) => labels['request'] === api);
    if (buckets !== null) requests.set(api, buckets);
  }
  return {
    version: info.labels['version'] ?? '', ready: one('millrace_ready') === 1,
    logState: samples.get('millrace_log_state')?.find(({ value }) => value === 1)?.labels['state'] ?? 'unknown',
    startedSeconds: one('millrace_start_time_seconds') ?? 0, connections: one('kafka_server_socketservermetrics_connection_count') ?? 0,
    residentBytes: one('process_resident_memory_bytes') ?? 0, cpuSeconds: one('process_cpu_seconds_total') ?? 0,
    requestMemoryBytes: one('millrace_request_memory_bytes') ?? 0, responseMemoryBytes: one('millrace_response_memory_bytes') ?? 0,
    diskFreeBytes: one('millrace_disk_free_bytes'), transactionsOpen: one('millrace_transactions_open') ?? 0, checkpointLagBytes: one('millrace_checkpoint_lag_bytes') ?? 0,
    stalls: one('millrace_event_loop_stalls_total') ?? 0, journalBytes: one('millrace_journal_written_bytes_total') ?? 0, tailHits: reads.get('hit') ?? 0, tailMisses: reads.get('miss') ?? 0,
    journalSync: bucketsOf(samples, 'millrace_journal_sync_seconds', () => true), loopDelay: bucketsOf(samples, 'millrace_event_loop_delay_seconds', () => true), requests,
  };
}

/** Sums by one label. */
function byLabel(samples: Samples, name: string, label: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples.get(name) ?? []) sums.set(labels[label] ?? '', (sums.get(labels[label] ?? '') ?? 0) + value);
  return sums;
}

function bucketsOf(samples: Samples, name: string, wanted: (labels: Labels) => boolean): Buckets | null {
  const lines = (samples.get(`${name}_bucket`) ?? []).filter(({ labels }) => wanted(labels));
  if (lines.length === 0) return null;
  return { bounds: lines.map(({ labels }) => (labels['le'] === '+Inf' ? Infinity : Number(labels['le']))), counts: lines.map(({ value }) => value) };
}
