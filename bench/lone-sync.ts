// bench/lone-sync.ts - how long one small write and its fdatasync take on this disk now: latencies are quoted beside it.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Milliseconds of `count` lone 4 KiB writes with a sync, 5 ms apart, into a file whose blocks are there already. */
export function loneSync(count: number): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sync-'));
  const file = openSync(join(folder, 'probe'), 'w');
  const block = new Uint8Array(4096);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  try {
    for (let i = 0; i < count; i++) writeSync(file, block, 0, block.length, i * block.length);
    fdatasyncSync(file);
    return Array.from({ length: count }, (_, i) => {
      Atomics.wait(pause, 0, 0, 5);
      const from = performance.now();
      writeSync(file, block, 0, block.length, i * block.length);
      fdatasyncSync(file);
      return performance.now() - from;
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
