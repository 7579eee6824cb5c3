// os/lane-thread.ts - the entry of a lane's thread: blocking writes and syncs in order, nothing else.
// Owns: running frames. Never: opening files, allocation of what it writes, decisions. No imports from the project: it must load in milliseconds.
// The frames and the counters are described in lane-frames.ts' header; the numbers here are the same and a test holds both together.
// Cost: one pwrite (many small parts are gathered first) and at most one fdatasync a step; a hop costs 3-5 us.
import { fdatasyncSync, writeSync, writevSync } from 'node:fs';
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';

interface LaneData { readonly control: SharedArrayBuffer; readonly frames: SharedArrayBuffer; readonly results: SharedArrayBuffer; readonly slabs: MessagePort }

const data = workerData as LaneData;
const control = new Int32Array(data.control);
const frames = new Float64Array(data.frames);
const results = new Float64Array(data.results);
const slabs: Buffer[] = [];
/** Parts smaller than this on average are copied together: one iovec costs more than copying it. */
const gatherPartBytesMax = 4096;
const iovecsMax = 1024;
let scratch = Buffer.alloc(1 << 18);
let failedErrno = 0;

for (let done = 0; ; ) {
  Atomics.wait(control, 0, done);
  const submitted = Atomics.load(control, 0);
  for (let message; (message = receiveMessageOnPort(data.slabs)); ) slabs.push(Buffer.from(message.message as SharedArrayBuffer));
  while (done !== submitted) {
    run(done);
    done = (done + 1) | 0;
    Atomics.store(control, 1, done);
    Atomics.notify(control, 1);
  }
  if (Atomics.load(control, 2) !== 0) break;
}

/** Runs one frame; after a failure every later frame fails with the same number. */
function run(index: number): void {
  const slot = (index >>> 0) % (results.length / 4);
  let at = results[slot * 4 + 3]!;
  let writeMs = 0;
  let syncMs = 0;
  if (failedErrno === 0) {
    try {
      const steps = frames[at++]!;
      for (let step = 0; step < steps; step++) {
        const startMs = performance.now();
        const fd = frames[at + 1]!;
        if (frames[at] === 0) {
          at = write(fd, at + 2);
          writeMs += performance.now() - startMs;
        } else {
          fdatasyncSync(fd);
          at += 2;
          syncMs += performance.now() - startMs;
        }
      }
    } catch (error) {
      failedErrno = (error as NodeJS.ErrnoException).errno ?? -5;
    }
  }
  results[slot * 4] = failedErrno;
  results[slot * 4 + 1] = writeMs;
  results[slot * 4 + 2] = syncMs;
}

/** Writes the parts listed at `at` (position, count, then slab, start, length each); answers where the next step begins. */
function write(fd: number, at: number): number {
  const position = frames[at]!;
  const count = frames[at + 1]!;
  const first = at + 2;
  let bytes = 0;
  for (let part = 0; part < count; part++) bytes += frames[first + part * 3 + 2]!;
  if (count > 1 && bytes < count * gatherPartBytesMax) writeAll(fd, [gather(first, count, bytes)], position);
  else for (let from = 0, to = position; from < count; from += iovecsMax) to += writeAll(fd, views(first + from * 3, Math.min(iovecsMax, count - from)), to);
  return first + count * 3;
}

function views(at: number, count: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let part = 0; part < count; part++, at += 3) parts.push(slabs[frames[at]!]!.subarray(frames[at + 1]!, frames[at + 1]! + frames[at + 2]!));
  return parts;
}

function gather(at: number, count: number, bytes: number): Uint8Array {
  if (scratch.length < bytes) scratch = Buffer.alloc(2 ** Math.ceil(Math.log2(bytes)));
  let to = 0;
  for (let part = 0; part < count; part++, at += 3) {
    const start = frames[at + 1]!;
    const length = frames[at + 2]!;
    slabs[frames[at]!]!.copy(scratch, to, start, start + length); // one memmove; set() goes byte by byte through shared memory
    to += length;
  }
  return scratch.subarray(0, bytes);
}

/** Writes every byte, as the system may take fewer than it was given. */
function writeAll(fd: number, parts: Uint8Array[], position: number): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  let written = writevSync(fd, parts, position);
  if (written < bytes) {
    let skip = written;
    for (const part of parts) {
      for (let from = Math.min(skip, part.length); from < part.length; ) {
        const more = writeSync(fd, part, from, part.length - from, position + written);
        from += more;
        written += more;
      }
      skip -= Math.min(skip, part.length);
    }
  }
  return bytes;
}
