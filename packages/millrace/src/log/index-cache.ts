// log/index-cache.ts - index files of segments in memory, as far as readers need them.
// Owns: loading, checking, rebuilding, a bound on bytes kept. Never: what is not yet in the files (segment-index.ts).
// L4 An index that does not rise or points outside its log is not believed: it is rebuilt from the log.
import { limits } from '../base/mod.ts';
import { batchBytes, batchEndOffset, batchHeaderBytes, batchMaxTimestamp, batchShape } from './batch-bytes.ts';
import type { FileCache } from './file-cache.ts';
import { segmentPath } from './names.ts';
import { readWholeFile } from './read-file.ts';
import { indexEntryBytes, indexIsSane, SegmentIndex, timeEntryBytes } from './segment-index.ts';
import type { Segment } from './segment.ts';

/** Both indexes of a segment as far as stored when they were loaded. */
export interface LoadedIndex { readonly index: DataView; readonly indexCount: number; readonly time: DataView; readonly timeCount: number }

const empty: LoadedIndex = { index: new DataView(new ArrayBuffer(0)), indexCount: 0, time: new DataView(new ArrayBuffer(0)), timeCount: 0 };

/** Loaded indexes, least recently used first. */
export class IndexCache {
  readonly #files: FileCache;
  readonly #loaded = new Map<Segment, LoadedIndex>();
  #bytes = 0;
  /** Told of an index that was not believed. */
  onRebuilt: (path: string) => void = () => {};

  readonly #bytesMax: number;

  constructor(files: FileCache, bytesMax: number = limits.log.indexCacheBytes) {
    this.#files = files;
    this.#bytesMax = bytesMax;
  }

  /** Bytes of all indexes that are kept. */
  get bytes(): number { return this.#bytes; }

  /** The stored indexes of a segment. */
  async load(partition: string, segment: Segment): Promise<LoadedIndex> {
    const { indexStored, timeStored } = segment.index;
    if (indexStored === 0 && timeStored === 0) return empty;
    const kept = this.#loaded.get(segment);
    if (kept !== undefined && (kept.indexCount >= indexStored || segment.sealed)) {
      this.#loaded.delete(segment);
      this.#loaded.set(segment, kept);
      return kept;
    }
    const loaded = (await this.#read(partition, segment, indexStored, timeStored)) ?? (await this.rebuild(partition, segment));
    this.#keep(segment, loaded);
    return loaded;
  }

  /** Makes the indexes anew from the log, in memory and in their files. */
  async rebuild(partition: string, segment: Segment): Promise<LoadedIndex> {
    this.onRebuilt(segmentPath(partition, segment, 'index'));
    const fresh = await this.#scan(partition, segment);
    const pending = fresh.encodePending();
    const loaded = pending === null ? empty : {
      index: new DataView(pending.index.buffer), indexCount: pending.indexCount, time: new DataView(pending.time.buffer), timeCount: pending.timeCount,
    };
    this.#keep(segment, loaded);
    if (segment.sealed) {
      await this.#store(segmentPath(partition, segment, 'index'), new Uint8Array(loaded.index.buffer));
      await this.#store(segmentPath(partition, segment, 'timeindex'), new Uint8Array(loaded.time.buffer));
    }
    return loaded;
  }

  /** The segment is gone. */
  forget(segment: Segment): void {
    const loaded = this.#loaded.get(segment);
    if (loaded === undefined) return;
    this.#loaded.delete(segment);
    this.#bytes -= loaded.index.byteLength + loaded.time.byteLength;
  }

  async #read(partition: string, segment: Segment, indexCount: number, timeCount: number): Promise<LoadedIndex | null> {
    const index = await readWholeFile(this.#files, segmentPath(partition, segment, 'index'), indexCount * indexEntryBytes);
    const time = await readWholeFile(this.#files, segmentPath(partition, segment, 'timeindex'), timeCount * timeEntryBytes);
    if (index === null || time === null) return null;
    const indexView = new DataView(index.buffer);
    return indexIsSane(indexView, indexCount, segment.writtenBytes) ? { index: indexView, indexCount, time: new DataView(time.buffer), timeCount } : null;
  }

  async #scan(partition: string, segment: Segment): Promise<SegmentIndex> {
    const fresh = new SegmentIndex(0, 0, -1, segment.index.intervalBytes);
    const lease = await this.#files.acquire(segmentPath(partition, segment, 'log'));
    try {
      const head = new Uint8Array(batchHeaderBytes);
      const view = new DataView(head.buffer);
      let maxTimestampMs = -1;
      let maxTimestampOffset = -1;
      for (let position = 0; position < segment.writtenBytes; ) {
        if ((await lease.file.read(head, position)) < batchHeaderBytes || batchShape(view, 0, Infinity) === 'bad') break;
        const last = batchEndOffset(view, 0) - 1 - segment.baseOffset;
        if (batchMaxTimestamp(view, 0) > maxTimestampMs) {
          maxTimestampMs = batchMaxTimestamp(view, 0);
          maxTimestampOffset = last;
        }
        fresh.note(last, position, batchBytes(view, 0), maxTimestampMs, maxTimestampOffset);
        position += batchBytes(view, 0);
      }
      if (segment.sealed && maxTimestampMs >= 0) fresh.noteTime(maxTimestampMs, maxTimestampOffset);
    } finally {
      lease.release();
    }
    return fresh;
  }

  async #store(path: string, bytes: Uint8Array): Promise<void> {
    const lease = await this.#files.acquire(path, true);
    try {
      if (bytes.length > 0) await lease.file.write([bytes], 0);
      await lease.file.truncate(bytes.length);
    } finally {
      lease.release();
    }
  }

  #keep(segment: Segment, loaded: LoadedIndex): void {
    this.forget(segment);
    this.#loaded.set(segment, loaded);
    this.#bytes += loaded.index.byteLength + loaded.time.byteLength;
    for (const oldest of this.#loaded.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === segment) break;
      this.forget(oldest);
    }
  }
}
