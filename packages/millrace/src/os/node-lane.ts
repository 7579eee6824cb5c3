// os/node-lane.ts - the Lane port on a worker thread (lane-thread.ts), by frames of numbers in shared memory.
// Owns: the frame area, the order of completions, telling the thread of new slabs. Never: what is written or why.
// O4 `done` callbacks run in the order of submission. O5 A frame's place is reused only after its completion was seen.
// Memory shared with the thread:
//   control  Int32: [0] frames submitted, [1] frames completed, [2] 1 = leave
//   frames   Float64: a frame is [steps, then each: 0, fd, position, parts, (slab, start, length) x parts | 1, fd]
//   results  4 x Float64 for each of 256 frames in flight: [errno or 0, writeMs, syncMs, start of the frame]
// A commit too long for one frame becomes several; its `done` waits for the last. Cost: 3-5 us a hop (measured: a message event costs 75).
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { assert } from '../base/mod.ts';
import { errorOfErrno } from './node-errors.ts';
import { NodeFile } from './node-file.ts';
import type { Lane, LaneResult, LaneStep, SharedBytes } from './ports.ts';

const frameNumbers = 1 << 16;
const frameNumbersMax = frameNumbers / 4;
const partsMax = 4096;
const framesInFlightMax = 256;
/** The thread hardly allocates: a small heap is a small process. */
const laneLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

type Done = (error: Error | null, result: LaneResult) => void;
interface Frame { readonly start: number; readonly end: number; readonly what: string; readonly done: Done | null }

/** One step as numbers, with the path for messages. */
interface EncodedStep { readonly numbers: number[]; readonly path: string }

/** A lane with its own thread. Made by NodeDisk.openLane. */
export class NodeLane implements Lane {
  readonly #worker: Worker;
  readonly #slabPort: MessagePort;
  readonly #control = new Int32Array(new SharedArrayBuffer(16));
  readonly #frames = new Float64Array(new SharedArrayBuffer(frameNumbers * 8));
  readonly #results = new Float64Array(new SharedArrayBuffer(framesInFlightMax * 32));
  readonly #slabIds = new WeakMap<ArrayBufferLike, number>();
  readonly #waiting: { numbers: number[]; what: string; done: Done | null }[] = [];
  readonly #inFlight: Frame[] = [];
  #slabCount = 0;
  #submitted = 0;
  #completed = 0;
  #writeAt = 0;
  #writeMs = 0;
  #syncMs = 0;
  #listening = false;
  #closed = false;
  #exited: Promise<void>;

  private constructor() {
    const channel = new MessageChannel();
    this.#slabPort = channel.port1;
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./lane-thread${extension}`, import.meta.url), {
      name: 'millrace-lane', stdin: false, transferList: [channel.port2], resourceLimits: laneLimits,
      workerData: { control: this.#control.buffer, frames: this.#frames.buffer, results: this.#results.buffer, slabs: channel.port2 },
    });
    this.#slabPort.unref();
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('error', (error) => { throw error; });
  }

  /** Starts the thread; commits may be submitted at once. */
  static open(): NodeLane { return new NodeLane(); }

  submit(steps: readonly LaneStep[], done: Done): void {
    assert(!this.#closed, 'a closed lane takes no commits');
    let numbers = [0];
    let what = '';
    for (const step of steps) {
      for (const encoded of this.#encode(step)) {
        if (numbers.length + encoded.numbers.length > frameNumbersMax) {
          this.#waiting.push({ numbers, what, done: null });
          numbers = [0];
        }
        for (const number of encoded.numbers) numbers.push(number);
        numbers[0]!++;
        what = encoded.path;
      }
    }
    this.#waiting.push({ numbers, what, done });
    this.#send();
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      assert(this.#inFlight.length === 0, 'a lane is closed when its commits are done');
      Atomics.store(this.#control, 2, 1);
      this.#submitted = (this.#submitted + 1) | 0;
      this.#results[((this.#submitted - 1) >>> 0) % framesInFlightMax * 4 + 3] = this.#writeAt;
      this.#frames[this.#writeAt] = 0;
      Atomics.store(this.#control, 0, this.#submitted);
      Atomics.notify(this.#control, 0);
      this.#slabPort.close();
    }
    await this.#exited;
  }

  /** A write of very many parts becomes several steps. A direct file is durable when written: its sync is no step. */
  *#encode(step: LaneStep): Generator<EncodedStep> {
    assert(step.file instanceof NodeFile, 'a lane takes files of its own disk');
    const { fd, path } = step.file;
    if (step.kind === 'sync') {
      if (!step.file.syncsEachWrite) yield { numbers: [1, fd], path };
      return;
    }
    let position = step.position;
    for (let from = 0; from < step.parts.length; from += partsMax) {
      const count = Math.min(partsMax, step.parts.length - from);
      const numbers = [0, fd, position, count];
      for (let index = from; index < from + count; index++) {
        const part = step.parts[index]!;
        numbers.push(this.#slabId(part), part.byteOffset, part.length);
        position += part.length;
      }
      yield { numbers, path };
    }
  }

  #slabId(part: SharedBytes): number {
    let id = this.#slabIds.get(part.buffer);
    if (id === undefined) {
      assert(part.buffer instanceof SharedArrayBuffer, 'a lane writes only memory of Disk.allocate');
      id = this.#slabCount++;
      this.#slabIds.set(part.buffer, id);
      this.#slabPort.postMessage(part.buffer);
    }
    return id;
  }

  /** Moves waiting frames into the area while there is room, then wakes the thread. */
  #send(): void {
    let sent = false;
    for (let next; (next = this.#waiting[0]); ) {
      const start = this.#place(next.numbers.length);
      if (start < 0) break;
      this.#waiting.shift();
      this.#frames.set(next.numbers, start);
      this.#results[(this.#submitted >>> 0) % framesInFlightMax * 4 + 3] = start;
      this.#inFlight.push({ start, end: start + next.numbers.length, what: next.what, done: next.done });
      this.#writeAt = start + next.numbers.length;
      this.#submitted = (this.#submitted + 1) | 0;
      sent = true;
    }
    if (!sent) return;
    Atomics.store(this.#control, 0, this.#submitted);
    Atomics.notify(this.#control, 0);
    this.#listen();
  }

  /** Where a frame of `count` numbers can go, or -1 (O5). Frames lie in a ring; one never wraps. */
  #place(count: number): number {
    assert(count <= frameNumbers / 2, 'a frame fits its area');
    if (this.#inFlight.length >= framesInFlightMax - 1) return -1;
    const first = this.#inFlight[0];
    if (first === undefined) return 0;
    if (this.#writeAt > first.start) {
      if (this.#writeAt + count <= frameNumbers) return this.#writeAt;
      return count < first.start ? 0 : -1;
    }
    return this.#writeAt + count < first.start ? this.#writeAt : -1;
  }

  #listen(): void {
    if (this.#listening || this.#inFlight.length === 0) return;
    this.#listening = true;
    const wait = Atomics.waitAsync(this.#control, 1, this.#completed);
    if (wait.async) void wait.value.then(() => this.#finish());
    else setImmediate(() => this.#finish());
  }

  /** Hands on what the thread has completed. */
  #finish(): void {
    this.#listening = false;
    const completed = Atomics.load(this.#control, 1);
    const ready: (() => void)[] = [];
    while (this.#completed !== completed) {
      const slot = (this.#completed >>> 0) % framesInFlightMax * 4;
      const frame = this.#inFlight.shift();
      assert(frame !== undefined, 'O4: a completion belongs to a frame');
      this.#completed = (this.#completed + 1) | 0;
      this.#writeMs += this.#results[slot + 1]!;
      this.#syncMs += this.#results[slot + 2]!;
      if (frame.done === null) continue;
      const { done, what } = frame;
      const errno = this.#results[slot]!;
      const result = { writeMs: this.#writeMs, syncMs: this.#syncMs };
      this.#writeMs = this.#syncMs = 0;
      ready.push(() => done(errno === 0 ? null : errorOfErrno(errno, 'write', what), result));
    }
    this.#send();
    this.#listen();
    for (const tell of ready) tell();
  }
}
