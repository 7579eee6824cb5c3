// node/metrics/process-figures.ts - what the operating system and the runtime say of this process and its thread.
// Owns: reading it. Never: judging it. What a system does not tell is null.
import { readdir, readFile } from 'node:fs/promises';

/** Figures of the process, and of the thread that asks. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly openDescriptors: number | null;
  readonly descriptorsMax: number | null;
  /** Seconds since 1970. */
  readonly startedSeconds: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly loopActiveSeconds: number;
}

const startedSeconds = Date.now() / 1000 - process.uptime();
let descriptorsMax: number | null | undefined;

/** Of a simulated machine there is nothing to tell. */
export async function noProcessFigures(): Promise<ProcessFigures> {
  return { cpuSeconds: 0, residentBytes: 0, openDescriptors: null, descriptorsMax: null, startedSeconds: 0, heapUsedBytes: 0, heapTotalBytes: 0, externalBytes: 0, loopActiveSeconds: 0 };
}

/** Looks now. Costs some tens of microseconds and a read of a folder on the thread pool. */
export async function processFigures(): Promise<ProcessFigures> {
  descriptorsMax ??= await readDescriptorsMax();
  const openDescriptors = await countDescriptors();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6, residentBytes: rss, openDescriptors, descriptorsMax, startedSeconds,
    heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external, loopActiveSeconds: performance.eventLoopUtilization().active / 1000,
  };
}

const descriptorFolder = process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd';

/** One of them is the look itself. */
async function countDescriptors(): Promise<number | null> {
  try {
    return (await readdir(descriptorFolder)).length - 1;
  } catch {
    return null; // the system has no such folder
  }
}

async function readDescriptorsMax(): Promise<number | null> {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null; // the system has no such file
  }
}
