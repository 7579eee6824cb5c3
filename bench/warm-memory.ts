// bench/warm-memory.ts - touches free memory right before something is measured, so that every side of a comparison finds the same.
// A virtual machine gets its memory page by page at first touch, and gives pages that lie free for seconds back to its host: a write to the page
// cache costs up to five times as much on such pages (measured: 2.7 ms of CPU a MiB against 0.5), and whoever runs after a side that has just
// deleted its files finds better ones. What is touched and freed here is what the system hands out next.
import { execFileSync } from 'node:child_process';
import { freemem } from 'node:os';

const pieceBytes = 256 << 20;
/** More than any round writes. */
const touchedBytes = 3 * 2 ** 30;
/** Left alone: what the rest of the machine needs meanwhile. */
const spareBytes = 2 ** 31;

/** Touches 3 GiB of free memory, or what there is: in a process of its own, whose end frees it for certain. */
export function warmMemory(): void {
  const pieces = Math.max(0, Math.floor(Math.min(touchedBytes, freemem() - spareBytes) / pieceBytes));
  execFileSync(process.execPath, ['-e', `const pieces = []; for (let i = 0; i < ${pieces}; i++) pieces.push(Buffer.alloc(${pieceBytes}, 1));`]);
}
