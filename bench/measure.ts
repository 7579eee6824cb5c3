// bench/measure.ts - what every benchmark shares: order statistics, ratios, and the operating system's account of a process.
// Linux only for CPU, memory and device bytes (reads /proc); elsewhere those figures are null and the tables say so.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';

/** Minimum, median and maximum of a series. */
export interface Spread { readonly min: number; readonly median: number; readonly max: number; readonly runs: number }

/** Order statistics of `values`; null when there are none. */
export function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)!, runs: sorted.length };
}

/** The ratio a/b round by round, then its spread: the drift of a noisy machine cancels. */
export function ratioSpread(a: readonly number[], b: readonly number[]): Spread | null {
  return spread(a.slice(0, Math.min(a.length, b.length)).map((value, i) => value / b[i]!));
}

/** What the operating system says of a process now. */
export interface ProcessAccount {
  /** User and system CPU seconds, all threads. */
  readonly cpuSeconds: number;
  /** Resident bytes now and at their highest. */
  readonly rssBytes: number; readonly rssPeakBytes: number;
  /** Bytes sent to the storage layer. */
  readonly deviceBytes: number;
  readonly openFiles: number;
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Reads the account of `pid` from /proc. @throws when the process is gone. */
export function accountOf(pid: number): ProcessAccount {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    rssBytes: kilobytes('VmRSS'),
    rssPeakBytes: kilobytes('VmHWM'),
    deviceBytes: Number(/write_bytes: (\d+)/.exec(io)?.[1] ?? 0),
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** The machine in a line, for the head of a table. */
export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${cpus().length} x ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}

/** A number for a table: three significant digits, thousands as k, millions as M. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  if (size >= 100) return value.toFixed(0);
  if (size >= 1) return value.toFixed(2);
  return value.toFixed(3);
}

/** 'median (min .. max)'. */
export function shortSpread(s: Spread | null): string {
  return s === null ? '-' : `${short(s.median)} (${short(s.min)} .. ${short(s.max)})`;
}

/** Writes what was measured as JSON, where the page reads it or wherever it was asked for. */
export function saveResult(file: string, result: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}
