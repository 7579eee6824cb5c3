// tools/mutants/dangerous.ts - the mistakes that cost data, each by name; every push tries them.
// Owns: where each one is. A place that is no longer found is a failure: the list follows the code.
import type { Mutant } from './operators.ts';

interface Named { readonly name: string; readonly file: string; readonly before: string; readonly after: string }

const log = '/src/log/';
const broker = '/src/broker/';

const named: readonly Named[] = [
  { name: 'ack before the sync', file: `${log}partition.ts`, before: 'else journal.open.dones.push(done);', after: 'else this.#core.clock.soon(() => done(null));' },
  { name: 'the journal is not synced', file: `${log}journal.ts`, before: "steps.push({ kind: 'sync', file: place.file });", after: ';' },
  { name: 'the checksum of a group is not checked', file: `${log}journal-reader.ts`, before: '&& groupIsWhole(this.#window, offset, header) ?', after: '?' },
  { name: 'deleted records come back', file: `${log}recovery.ts`, before: 'partition?.raiseStart(offset);', after: ';' },
  { name: 'the checksum of a batch is not checked', file: `${log}cold-read.ts`, before: "if (!batchIsIntact(bytes, view, at)) throw damaged(partition, segment, position + at, 'the batch fails its checksum');", after: ';' },
  { name: 'segments are not synced by a checkpoint', file: `${log}segment-writer.ts`, before: "await this.#submit(leases.map(({ file }) => ({ kind: 'sync', file })));", after: ';' },
  { name: 'names are not synced by a checkpoint', file: `${log}checkpoint.ts`, before: 'for (const folder of unsynced.folders) await this.#syncFolder(folder);', after: ';' },
  { name: 'journal files are used again too early', file: `${log}checkpoint.ts`, before: 'files.recycle(this.#lastFileSequence);', after: 'files.recycle(Number.MAX_SAFE_INTEGER);' },
  { name: 'the last groups are not made durable at a start', file: `${log}recovery.ts`, before: 'await unproven.makeDurable(disk);', after: ';' },
  { name: 'a repeated batch is appended again', file: `${broker}produce/producer-table.ts`, before: "return { kind: 'duplicate', baseOffset: batch.baseOffset, lastOffset: batch.lastOffset, timestampMs: batch.timestampMs };", after: 'return append;' },
  { name: 'an acknowledgement is answered before it is durable', file: `${broker}share/share-log.ts`, before: 'maxTimestampMs: nowMs }] }], done);', after: 'maxTimestampMs: nowMs }] }], () => {}); this.#clock.soon(() => done(null));' },
  { name: 'what was accepted is handed out again', file: `${broker}share/share-partition.ts`, before: 'run.state = run.movesTo; run.memberId', after: 'run.state = recordState.available; run.memberId' },
  { name: 'a share group starts one record too late', file: `${broker}share/share-partition.ts`, before: 'written = run.last + 1;', after: 'written = run.last + 2;' },
  { name: 'dead letters do not go with their change', file: `${broker}share/share-log.ts`, before: 'deadLetters.push(...record.deadLetters);', after: ';' },
  { name: 'a lock is nobody\'s', file: `${broker}share/acquire.ts`, before: 'run.lockedUntilMs = lockedUntilMs;', after: 'run.lockedUntilMs = 0; partition.wakeAtMs = 0;' },
  { name: 'compaction drops the last record of a key', file: `${log}compaction/cleaner.ts`, before: 'records.offset < this.#map.get(records.key()!)', after: 'records.offset <= this.#map.get(records.key()!)' },
  { name: 'a tombstone goes before its delay', file: `${log}compaction/cleaner.ts`, before: 'const mayKeepTombstones = !header.hasDeleteHorizon || this.#start.nowMs < header.baseTimestampMs;', after: 'const mayKeepTombstones = false;' },
  { name: 'aborted records supersede committed ones', file: `${log}compaction/cleaner.ts`, before: 'header.recordCount > 0 && !this.#transactions.isAborted(header)', after: 'header.recordCount > 0' },
  { name: 'a compacted segment is swapped in before it is synced', file: `${log}compaction/segment-output.ts`, before: 'await this.#file.sync();\n    await this.#close();', after: 'await this.#close();' },
  { name: 'the name of a compacted segment is not synced', file: `${log}compaction/segment-output.ts`, before: 'await this.#disk.syncFolder(this.#partition);', after: ';' },
  { name: 'what a swap replaced comes back at a start', file: `${log}recovery.ts`, before: 'if (partition !== undefined) target.swap(partition, decodeSwap(body));', after: ';' },
  { name: 'the fence is forgotten', file: `${broker}transaction/transaction.ts`, before: 'if (transaction.producerEpoch !== producerEpoch) return errorCodes.PRODUCER_FENCED;', after: ';' },
  { name: 'the marker is durable before the data', file: `${broker}produce/produce.ts`, before: "if (!header.isTransactional || log.config.durability === 'synced') return log.append([batch], done);", after: 'if (header.lastOffsetDelta >= 0) return log.append([batch], done);' },
  { name: 'records are seen before their transaction ends', file: `${broker}produce/produce.ts`, before: 'if (header.isTransactional) partition.transactions.appended(header.producerId, baseOffset, this.#nowMs);', after: ';' },
  { name: 'offsets are committed outside of the transaction', file: `${broker}group/pending.ts`, before: 'for (const { topic, partition, value } of entries) setOffset(table, topic, partition, value);', after: 'for (const { topic, partition, value } of entries) setOffset(table === group.offsets ? table : group.offsets, topic, partition, value);' },
  { name: 'the offsets are left out of the end', file: `${broker}transaction/transactions.ts`, before: "groups.endTransaction(phase.kind === 'ongoing' ? phase.groups : [], producerId", after: 'groups.endTransaction([], producerId' },
  { name: 'the last stable offset is one too far', file: `${broker}transaction/partition-transactions.ts`, before: 'Math.min(first.value.firstOffset, otherwise);', after: 'Math.min(first.value.firstOffset + 1, otherwise);' },
  { name: 'aborted records are sent', file: `${broker}transaction/committed-view.ts`, before: 'range.producerId === producerId && range.firstOffset <= offset', after: 'range.producerId === producerId && range.firstOffset < offset' },
  { name: 'an end is seen before it is durable', file: `${broker}transaction/partition-transactions.ts`, before: 'if (!durable) this.#ending.push({ firstOffset: open.firstOffset, markerOffset });', after: ';' },
  { name: 'a transaction that ran out of time does not fence its producer', file: `${broker}transaction/transactions.ts`, before: "this.#end(transaction, 'abort', this.#next(transaction, freshId), () => {}, 'late');", after: "this.#end(transaction, 'abort', freshId === null ? { ...transaction } : this.#next(transaction, freshId), () => {}, 'late');" },
  { name: 'a start forgets where a transaction has written', file: `${broker}transaction/transactions.ts`, before: 'this.#ongoing(transaction).partitions.add(partition);', after: ';' },
  { name: 'a start forgets what was aborted', file: `${broker}produce/producer-store.ts`, before: 'startedMs })), aborted, abortedFrom, partition.log.endOffset);', after: 'startedMs })), aborted.slice(aborted.length), abortedFrom, partition.log.endOffset);' },
  { name: 'the end does not raise the epoch', file: `${broker}transaction/transaction.ts`, before: "case 'ongoing': return { kind: 'end', raise: raises };", after: "case 'ongoing': return { kind: 'end', raise: false };" },
];

/** Whether the simulation of transactions is the one to notice it. */
export const isOfTransactions = ({ file, operator }: Mutant): boolean => /\/broker\/(transaction|group)\//.test(file) || /marker|transaction|aborted/.test(operator);

/** The named mutants. @throws Error when a place is not found, or more than once. */
export function dangerous(sources: readonly { path: string; text: string }[]): Mutant[] {
  return named.map(({ name, file, before, after }) => {
    const source = sources.find(({ path }) => path.endsWith(file));
    const from = source?.text.indexOf(before) ?? -1;
    if (source === undefined || from < 0 || source.text.indexOf(before, from + 1) >= 0) throw new Error(`Cannot find the place of '${name}' once in '${file}': correct tools/mutants/dangerous.ts`);
    return { file: source.path, line: source.text.slice(0, from).split('\n').length, operator: name, before, after, from, to: from + before.length };
  });
}
