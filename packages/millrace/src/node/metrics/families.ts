// node/metrics/families.ts - every metric that a node tells of: its name, kind, labels, and what it means. docs/guide/metrics.md is written from it.
// Owns: the table. Never: values (collect.ts), the form of the text (exposition.ts).
// F1 What Apache Kafka measures has the name that the usual rules of its JMX exporter give it, in lower case and in base units (seconds, bytes);
// what consumers' lag is called there comes from the exporters that everybody uses beside it. What is ours alone begins with 'millrace_', what
// every process has with 'process_' and 'nodejs_'. F2 A counter ends in _total, a time in _seconds, a size in _bytes. F3 A name never changes its meaning.

/** How a metric behaves. A summary has a sum and a count only. */
export type MetricKind = 'counter' | 'gauge' | 'histogram' | 'summary';

/** One metric. */
export interface Family {
  readonly name: string;
  readonly kind: MetricKind;
  readonly labels: readonly string[];
  readonly help: string;
  /** Heading in the reference. */
  readonly section: 'Topics' | 'Partitions' | 'Groups' | 'Requests' | 'Connections and memory' | 'Log' | 'Transactions' | 'Node and process';
  /** 'partition': told for each partition when the scrape asks for detail=partition, else summed up or left out as `help` says. */
  readonly detail?: 'partition';
}

type Rest = Omit<Family, 'name' | 'kind' | 'labels' | 'help' | 'section'>;

const define = (section: Family['section']) => (name: string, kind: MetricKind, labels: readonly string[], help: string, rest: Rest = {}): Family => ({ name, kind, labels, help, section, ...rest });
const topic = define('Topics');
const partition = define('Partitions');
const group = define('Groups');
const request = define('Requests');
const connection = define('Connections and memory');
const log = define('Log');
const transaction = define('Transactions');
const node = define('Node and process');

/** The table; keys are the names in this room. */
export const families = {
  recordsIn: topic('kafka_server_brokertopicmetrics_messagesin_total', 'counter', ['topic'], 'Records appended for producers.'),
  bytesIn: topic('kafka_server_brokertopicmetrics_bytesin_total', 'counter', ['topic'], 'Bytes of record batches appended for producers.'),
  bytesOut: topic('kafka_server_brokertopicmetrics_bytesout_total', 'counter', ['topic'], 'Bytes of record batches sent to readers.'),
  recordsOut: topic('millrace_topic_messagesout_total', 'counter', ['topic'], 'Records by which readers were moved on (offsets, so that what was aborted or compacted away counts as well).'),
  produceRequests: topic('kafka_server_brokertopicmetrics_totalproducerequests_total', 'counter', ['topic'], 'Partitions named in Produce requests.'),
  fetchRequests: topic('kafka_server_brokertopicmetrics_totalfetchrequests_total', 'counter', ['topic'], 'Partitions looked at for Fetch answers.'),
  produceFailures: topic('kafka_server_brokertopicmetrics_failedproducerequests_total', 'counter', ['topic'], 'Partitions of Produce requests that were refused, or whose records did not become durable.'),
  fetchFailures: topic('kafka_server_brokertopicmetrics_failedfetchrequests_total', 'counter', ['topic'], 'Partitions of Fetch requests that were refused.'),
  topicPartitions: topic('millrace_topic_partitions', 'gauge', ['topic'], 'Partitions of the topic.'),
  size: topic('kafka_log_log_size_bytes', 'gauge', ['topic', 'partition'], 'Bytes of the log, also those not yet in segments; one series a topic, without the label partition, unless detail is asked for.', { detail: 'partition' }),

  logStartOffset: partition('kafka_log_log_logstartoffset', 'gauge', ['topic', 'partition'], 'First offset that is there.', { detail: 'partition' }),
  logEndOffset: partition('kafka_log_log_logendoffset', 'gauge', ['topic', 'partition'], 'Offset that the next record gets.', { detail: 'partition' }),
  highWatermark: partition('kafka_log_log_highwatermark', 'gauge', ['topic', 'partition'], 'First offset that readers may not see yet: what lies below is durable.', { detail: 'partition' }),
  stableLag: partition('kafka_cluster_partition_laststableoffsetlag', 'gauge', ['topic', 'partition'], 'Records that readers of committed data may not see yet because a transaction is open.', { detail: 'partition' }),

  groupMembers: group('kafka_consumergroup_members', 'gauge', ['consumergroup'], 'Members of the group.'),
  groupState: group('kafka_consumergroup_state', 'gauge', ['consumergroup', 'state'], '1 for the state that the group is in.'),
  groupLag: group('kafka_consumergroup_lag', 'gauge', ['consumergroup', 'topic', 'partition'], 'Records that the group has not committed; summed up over the topic, without the label partition, unless detail is asked for.', { detail: 'partition' }),
  groupLagSeconds: group('kafka_consumergroup_lag_seconds', 'gauge', ['consumergroup', 'topic', 'partition'], 'How long the first record that the group has not committed has been there; the longest of the topic, without the label partition, unless detail is asked for. Of records from before the start of the node their own timestamps count.', { detail: 'partition' }),
  groupOffset: group('kafka_consumergroup_current_offset', 'gauge', ['consumergroup', 'topic', 'partition'], 'Committed offset.', { detail: 'partition' }),
  groupCount: group('kafka_coordinator_group_groupcount', 'gauge', ['state'], 'Groups by state.'),

  requests: request('kafka_network_requestmetrics_requests_total', 'counter', ['request'], 'Requests that are over, by api.'),
  requestErrors: request('kafka_network_requestmetrics_errors_total', 'counter', ['request', 'error'], 'Errors told to clients: one for a request as a whole, one for each partition of Produce and Fetch.'),
  requestTime: request('kafka_network_requestmetrics_totaltime_seconds', 'histogram', ['request'], 'Time from the last byte of a request until its answer has left; of Fetch, JoinGroup and SyncGroup with the time that the client asked to wait.'),
  requestQueueTime: request('kafka_network_requestmetrics_requestqueuetime_seconds', 'summary', ['request'], 'The part of it before the handler began.'),
  requestLocalTime: request('kafka_network_requestmetrics_localtime_seconds', 'summary', ['request'], 'The part of it in the handler.'),
  requestRemoteTime: request('kafka_network_requestmetrics_remotetime_seconds', 'summary', ['request'], 'The part of it waiting: for the disk, for records, for members of a group.'),
  requestSendTime: request('kafka_network_requestmetrics_responsesendtime_seconds', 'summary', ['request'], 'The part of it until the operating system had taken the answer.'),
  requestBytes: request('kafka_network_requestmetrics_request_bytes', 'histogram', ['request'], 'Size of requests.'),
  responseBytes: request('kafka_network_requestmetrics_response_bytes', 'histogram', ['request'], 'Size of answers.'),

  connections: connection('kafka_server_socketservermetrics_connection_count', 'gauge', [], 'Open connections.'),
  connectionsAccepted: connection('millrace_connections_accepted_total', 'counter', [], 'Connections taken.'),
  connectionsClosed: connection('millrace_connections_closed_total', 'counter', ['reason'], 'Connections that the node closed: `refused` (max.connections were open), `aborted` (bad bytes, unknown requests, holding others up), `idle`.'),
  connectionsEvicted: connection('millrace_connections_evicted_total', 'counter', [], 'Of those aborted, the ones that held memory which others waited for.'),
  connectionPauses: connection('millrace_connections_paused_total', 'counter', [], 'Times that a client was held back: its socket was not read because of too many requests under way, answers not taken, or no memory.'),
  requestMemory: connection('millrace_request_memory_bytes', 'gauge', [], 'Memory held for requests.'),
  requestMemoryMax: connection('millrace_request_memory_max_bytes', 'gauge', [], 'What it may be: queued.max.request.bytes.'),
  responseMemory: connection('millrace_response_memory_bytes', 'gauge', [], 'Memory held for answers.'),
  responseMemoryMax: connection('millrace_response_memory_max_bytes', 'gauge', [], 'What it may be: millrace.response.memory.bytes.'),

  logState: log('millrace_log_state', 'gauge', ['state'], '1 for the state that the log is in: `open`, `full` (no room on the disk, appends are refused), `failed` (a sync failed, no appends until a restart), `closed`.'),
  offlineLogDirs: log('kafka_log_logmanager_offlinelogdirectorycount', 'gauge', [], '1 when the log has failed, else 0.'),
  diskFree: log('millrace_disk_free_bytes', 'gauge', [], 'Room on the disk of the data folder; absent where it cannot be told.'),
  journalSync: log('millrace_journal_sync_seconds', 'histogram', [], 'Time of each sync of the journal: of the device.'),
  journalWrite: log('millrace_journal_write_seconds', 'histogram', [], 'Time of each write to the journal before its sync.'),
  journalGroup: log('millrace_journal_group_bytes', 'histogram', [], 'Size of the groups that were synced together.'),
  journalBytes: log('millrace_journal_written_bytes_total', 'counter', [], 'Bytes written to the journal.'),
  appendedBytes: log('millrace_log_appended_bytes_total', 'counter', [], 'Bytes of record batches appended to all partitions, the node\'s own among them.'),
  deviceBytes: log('millrace_log_written_bytes_total', 'counter', [], 'Bytes written to the disk: journal, segments, indexes.'),
  journalInFlight: log('millrace_journal_groups_in_flight', 'gauge', [], 'Groups that are being written or synced.'),
  journalWaiting: log('millrace_journal_groups_waiting', 'gauge', [], 'Closed groups that wait for those before them.'),
  journalWait: log('millrace_journal_oldest_group_seconds', 'gauge', [], 'How long the oldest group has been with the disk.'),
  checkpoints: log('millrace_checkpoints_total', 'counter', [], 'Checkpoints taken.'),
  checkpointLag: log('millrace_checkpoint_lag_bytes', 'gauge', [], 'Bytes of the journal since the last checkpoint: what a start after a crash reads.'),
  checkpointAge: log('millrace_checkpoint_age_seconds', 'gauge', [], 'Time since the last checkpoint; absent before the first.'),
  unflushed: log('millrace_log_unflushed_bytes', 'gauge', [], 'Bytes in memory and journal that are not in segments yet.'),
  tailBytes: log('millrace_tail_bytes', 'gauge', [], 'Memory in use for recent records.'),
  readMemory: log('millrace_read_memory_bytes', 'gauge', [], 'Memory that readers hold.'),
  openFiles: log('millrace_log_open_files', 'gauge', [], 'Segment files held open.'),
  tailReads: log('millrace_tail_reads_total', 'counter', ['result'], 'Reads of partitions: `hit` from memory, `miss` from segments.'),
  coldReads: log('millrace_cold_read_seconds', 'histogram', [], 'Time of each read from segments, with the wait for its turn.'),
  readAhead: log('millrace_readahead_total', 'counter', ['result'], 'Stretches of old records: `begun` read before they were asked for, `hit` asked for in time.'),

  transactionsOpen: transaction('millrace_transactions_open', 'gauge', [], 'Transactions that are open.'),
  transactionsOldest: transaction('millrace_transactions_oldest_seconds', 'gauge', [], 'Age of the oldest open transaction; 0 when there is none.'),
  transactionsEnded: transaction('millrace_transactions_ended_total', 'counter', ['result'], 'Transactions that ended, by `commit` or `abort`.'),
  transactionalIds: transaction('millrace_transactional_ids', 'gauge', [], 'Transactional ids that are known.'),

  info: node('millrace_info', 'gauge', ['version', 'node_id', 'cluster_id'], '1, with the version and the identity of the node.'),
  ready: node('millrace_ready', 'gauge', [], '1 when the node is ready to take records, as /readyz says it.'),
  started: node('millrace_start_time_seconds', 'gauge', [], 'When the node was started, in seconds since 1970.'),
  topicCount: node('kafka_controller_kafkacontroller_globaltopiccount', 'gauge', [], 'Topics.'),
  partitionCount: node('kafka_server_replicamanager_partitioncount', 'gauge', [], 'Partitions of all topics.'),
  omitted: node('millrace_metrics_omitted', 'gauge', ['what'], 'Topics, partitions, groups and series of groups that this scrape left out because there are too many.'),
  loopDelay: node('millrace_event_loop_delay_seconds', 'histogram', [], "How late the node's thread came to each look at its own clock: what a request waits for it. Absent for a node in memory."),
  loopStalls: node('millrace_event_loop_stalls_total', 'counter', [], "Times that the node's thread was held up for more than 20 ms. Absent for a node in memory."),
  loopStallTime: node('millrace_event_loop_stall_seconds_total', 'counter', [], 'How long it was held up in all. Absent for a node in memory.'),
  loopStallMax: node('millrace_event_loop_stall_longest_seconds', 'gauge', [], 'How long it was held up at most. Absent for a node in memory.'),
  loopActive: node('millrace_event_loop_active_seconds_total', 'counter', [], "Time in which the node's thread had something to do."),
  cpu: node('process_cpu_seconds_total', 'counter', [], 'CPU time of the process, user and system.'),
  resident: node('process_resident_memory_bytes', 'gauge', [], 'Resident memory of the process.'),
  descriptors: node('process_open_fds', 'gauge', [], 'Open file descriptors; absent where the system does not say.'),
  descriptorsMax: node('process_max_fds', 'gauge', [], 'How many there may be; absent where the system does not say.'),
  processStarted: node('process_start_time_seconds', 'gauge', [], 'When the process was started, in seconds since 1970.'),
  heapUsed: node('nodejs_heap_size_used_bytes', 'gauge', [], "Heap in use, of the node's thread."),
  heapTotal: node('nodejs_heap_size_total_bytes', 'gauge', [], "Heap, of the node's thread."),
  external: node('nodejs_external_memory_bytes', 'gauge', [], "Memory outside of the heap, of the node's thread."),
} as const satisfies Record<string, Family>;

/** Every name that can stand at the beginning of a line of the text: counts and sums of histograms have their own. */
export function seriesNames(): Set<string> {
  return new Set(Object.values<Family>(families).flatMap(({ name, kind }) => {
    switch (kind) {
      case 'histogram': return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
      case 'summary': return [`${name}_sum`, `${name}_count`];
      default: return [name];
    }
  }));
}
