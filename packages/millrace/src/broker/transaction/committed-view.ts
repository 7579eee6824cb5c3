// broker/transaction/committed-view.ts - what a reader of committed data gets of bytes that were read: nothing undecided, nothing aborted.
// Owns: leaving batches out. Never: reading, waiting. V1 No batch from the last stable offset on is handed out. V2 No batch of an aborted
// transaction is handed out: a client that does not filter sees none, one that does has nothing to do. Gaps in offsets are allowed: compaction leaves them too.
// Cost: nothing where nothing was aborted and nothing is undecided below the end; else one look at each batch's header, no copy.
import { forEachBatch, readBatchHeader } from '../../wire/mod.ts';
import type { ReadResult } from '../../log/mod.ts';
import type { AbortedTransaction, PartitionTransactions } from './partition-transactions.ts';

/** The committed part of `read`, which began at `offset`: other parts over the same memory, released together with it. */
export function committedView(read: ReadResult, offset: number, transactions: PartitionTransactions, lastStableOffset: number): ReadResult {
  if (read.bytes === 0) return read;
  const end = Math.min(read.nextOffset, lastStableOffset);
  const aborted = transactions.abortedIn(offset, end);
  if (aborted.length === 0 && end === read.nextOffset) return read;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (const part of read.parts) bytes += keepCommitted(part, end, aborted, parts);
  return { parts, bytes, nextOffset: end, release: read.release };
}

/** Adds the runs of batches of one part that may be seen; answers how many bytes they are. */
function keepCommitted(part: Uint8Array, end: number, aborted: readonly AbortedTransaction[], into: Uint8Array[]): number {
  let kept = 0;
  let runAt = -1;
  const endRun = (at: number): void => {
    if (runAt >= 0) { into.push(part.subarray(runAt, at)); kept += at - runAt; }
    runAt = -1;
  };
  const stop = forEachBatch(part, 0, part.byteLength, (at) => {
    const header = readBatchHeader(part, at);
    const visible = header.baseOffset < end && !(header.isTransactional && !header.isControl && isAborted(header.producerId, header.baseOffset, aborted));
    if (!visible) endRun(at);
    else if (runAt < 0) runAt = at;
  });
  endRun(stop);
  return kept;
}

const isAborted = (producerId: number, offset: number, aborted: readonly AbortedTransaction[]): boolean =>
  aborted.some((range) => range.producerId === producerId && range.firstOffset <= offset && offset < range.lastOffset);
