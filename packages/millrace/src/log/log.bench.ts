// log/log.bench.ts - what the log costs by itself: run with `node packages/millrace/src/log/log.bench.ts [case ...]`.
// Every case runs on a fresh folder of the real disk and prints one line; device bytes are per payload byte, CPU is of the whole process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDisk, nodeClock, nodeRandom } from '../os/mod.ts';
import { appendPatiently, batchOfSize, sampleConfig } from './log-samples.ts';
import { openLog } from './mod.ts';
import type { AppendBatch, Log, Partition, PartitionConfig } from './types.ts';

const config: PartitionConfig = { ...sampleConfig, segmentBytes: 1 << 30 };
const quantile = (values: number[], part: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

async function withLog(tell: (log: Log, open: () => Promise<Log>) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), 'millrace-bench-'));
  const logs: Log[] = [];
  const open = async (): Promise<Log> => {
    const log = await openLog({ disk: new NodeDisk(root), clock: nodeClock(), random: nodeRandom(), configOf: () => config });
    logs.push(log);
    return log;
  };
  try {
    await tell(await open(), open);
  } finally {
    for (const log of logs) await log.close();
    await rm(root, { recursive: true });
  }
}

const make = (log: Log, count: number, durability: 'synced' | 'page-cache'): Promise<Partition[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => log.create(`bench-${index}`, { ...config, durability })));

/** Longest time that the thread did not come round. */
function watchStalls(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 5);
    last = now;
  }, 5);
  return () => { clearInterval(timer); return longest; };
}

/** One append at a time, each waited for. */
async function lone(durability: 'synced' | 'page-cache'): Promise<void> {
  await withLog(async (log) => {
    const [partition] = await make(log, 1, durability);
    const batch = batchOfSize(1, 100);
    const append: number[] = [];
    const sync: number[] = [];
    for (let index = 0; index < 4000; index++) {
      const startMs = performance.now();
      await appendPatiently(log, partition!, batch);
      append.push(performance.now() - startMs);
      sync.push(log.stats().syncMsLast);
    }
    console.log(`lone ${durability}: append p50 ${ms(quantile(append, 0.5))} p99 ${ms(quantile(append, 0.99))}; journal write and sync p50 ${ms(quantile(sync, 0.5))} p99 ${ms(quantile(sync, 0.99))}`);
  });
}

/** As fast as it goes, `inFlight` appends at a time over all partitions. */
async function flood(partitions: number, batch: AppendBatch, count: number, inFlight: number, durability: 'synced' | 'page-cache'): Promise<void> {
  await withLog(async (log) => {
    const all = await make(log, partitions, durability);
    const latency: number[] = [];
    const cpu = process.cpuUsage();
    const stalls = watchStalls();
    const startMs = performance.now();
    let sent = 0;
    await new Promise<void>((resolve, reject) => {
      let open = 0;
      const pump = (): void => {
        while (sent < count && open < inFlight) {
          const atMs = performance.now();
          try {
            all[sent % partitions]!.append([batch], (error) => {
              if (error !== null) return reject(error);
              open--;
              latency.push(performance.now() - atMs);
              if (latency.length === count) resolve();
              else pump();
            });
          } catch {
            return log.whenRoom(pump);
          }
          sent++;
          open++;
        }
      };
      pump();
    });
    const seconds = (performance.now() - startMs) / 1000;
    const used = process.cpuUsage(cpu);
    const records = (count * batch.offsetCount) / 1e6;
    const { deviceBytesWritten, bytesAppended, groupsCommitted } = log.stats();
    console.log(
      `flood ${partitions} partitions, ${batch.bytes.length} B batches of ${batch.offsetCount}, ${durability}: ${(bytesAppended / 1e6 / seconds).toFixed(0)} MB/s, ${(records / seconds).toFixed(2)} M records/s; ` +
      `CPU s per M records ${((used.user + used.system) / 1e6 / records).toFixed(3)} (user ${(used.user / 1e6 / records).toFixed(3)}); p50 ${ms(quantile(latency, 0.5))} p99 ${ms(quantile(latency, 0.99))} max ${ms(Math.max(...latency.slice(0, 100_000)))}; ` +
      `longest stall ${ms(stalls())}; ${(bytesAppended / groupsCommitted / 1024).toFixed(0)} KiB a group; device bytes ${(deviceBytesWritten / bytesAppended).toFixed(2)}; rss ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
    );
  });
}

/** Open loop: records of 100 B at a fixed rate over the partitions, batches of `perBatch`. */
async function steady(partitions: number, ratePerSecond: number, perBatch: number, seconds: number): Promise<void> {
  await withLog(async (log) => {
    const all = await make(log, partitions, 'synced');
    const batch = batchOfSize(perBatch, 100);
    const latency: number[] = [];
    const cpu = process.cpuUsage();
    const stalls = watchStalls();
    const everyMs = (1000 * perBatch) / ratePerSecond;
    const startMs = performance.now();
    let sent = 0;
    let acked = 0;
    await new Promise<void>((resolve, reject) => {
      const tick = (): void => {
        for (let due = startMs + sent * everyMs; due <= performance.now() && sent * everyMs < seconds * 1000; due = startMs + sent * everyMs) {
          all[(sent * 7) % partitions]!.append([batch], (error) => {
            if (error !== null) return reject(error);
            latency.push(performance.now() - due);
            if (++acked === sent && sent * everyMs >= seconds * 1000) resolve();
          });
          sent++;
        }
        if (sent * everyMs < seconds * 1000) setTimeout(tick, 1);
      };
      tick();
    });
    const used = process.cpuUsage(cpu);
    console.log(
      `steady ${partitions} partitions, ${ratePerSecond} records/s in batches of ${perBatch}: p50 ${ms(quantile(latency, 0.5))} p99 ${ms(quantile(latency, 0.99))} p99.9 ${ms(quantile(latency, 0.999))}; longest stall ${ms(stalls())}; ` +
      `CPU ${((used.user + used.system) / 1e4 / seconds).toFixed(0)} % of a core`,
    );
  });
}

/** Reads everything back in fetches of 1 MiB: from segments, then the part still in the tail. */
async function reads(megabytes: number): Promise<void> {
  await withLog(async (log, open) => {
    const [partition] = await make(log, 1, 'synced');
    const batch = batchOfSize(1150, 100);
    for (let bytes = 0; bytes < megabytes * 1e6; bytes += batch.bytes.length) await appendPatiently(log, partition!, batch);
    await log.close();
    const again = await open();
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    const source = again.partitions.get('bench-0')!;
    let bytes = 0;
    for (let offset = 0; offset < source.highWatermark; ) {
      const read = await source.read(offset, 1 << 20, true);
      bytes += read.bytes;
      offset = read.nextOffset;
      read.release();
    }
    const seconds = (performance.now() - startMs) / 1000;
    const used = process.cpuUsage(cpu);
    console.log(`cold reads of 1 MiB: ${(bytes / 1e6 / seconds).toFixed(0)} MB/s, CPU ms per MB ${((used.user + used.system) / 1000 / (bytes / 1e6)).toFixed(3)}`);
  });
}

/** A start after a kill: the lock is left, nothing is checkpointed by a close. */
async function start(gigabytes: number): Promise<void> {
  const root = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), 'millrace-bench-'));
  try {
    const { spawnSync } = await import('node:child_process');
    const child = spawnSync(process.execPath, [import.meta.filename, '--fill', root, String(gigabytes)], { stdio: 'inherit' });
    if (child.signal !== 'SIGKILL') throw new Error('the filling process should have been killed');
    const reports: string[] = [];
    const startMs = performance.now();
    const log = await openLog({ disk: new NodeDisk(root), clock: nodeClock(), random: nodeRandom(), configOf: () => config, onReport: (line) => reports.push(line) });
    const openMs = performance.now() - startMs;
    await appendPatiently(log, log.partitions.get('bench-0')!, batchOfSize(1, 100));
    console.log(`start after kill -9 with ${gigabytes} GB: open ${ms(openMs)}, first ack ${ms(performance.now() - startMs)}; ${reports.join('; ')}`);
    await log.close();
  } finally {
    await rm(root, { recursive: true });
  }
}

async function fill(root: string, gigabytes: number): Promise<void> {
  const log = await openLog({ disk: new NodeDisk(root), clock: nodeClock(), random: nodeRandom() });
  const all = await make(log, 4, 'synced');
  const batch = batchOfSize(1150, 100);
  let sent = 0;
  await new Promise<void>((resolve) => {
    let inFlight = 0;
    const pump = (): void => {
      while (inFlight < 30) {
        if (sent * batch.bytes.length > gigabytes * 1e9) return resolve();
        try {
          all[sent % 4]!.append([batch], () => { inFlight--; pump(); });
        } catch {
          return log.whenRoom(pump);
        }
        sent++;
        inFlight++;
      }
    };
    pump();
  });
  process.kill(process.pid, 'SIGKILL');
}

/** Memory of partitions that do nothing: run node with --expose-gc. */
async function idle(partitions: number): Promise<void> {
  const heap = (): number => { globalThis.gc?.(); return process.memoryUsage().heapUsed; };
  await withLog(async (log, open) => {
    const before = heap();
    await make(log, partitions, 'synced');
    const after = heap();
    await log.close();
    const startMs = performance.now();
    await open();
    console.log(`idle ${partitions} partitions: ${((after - before) / partitions).toFixed(0)} bytes of heap each; open ${ms(performance.now() - startMs)}`);
  });
}

const cases: Record<string, () => Promise<void>> = {
  lone: async () => { await lone('synced'); await lone('page-cache'); },
  large: async () => { for (const partitions of [1, 4]) await flood(partitions, batchOfSize(1150, 100), 12_000, 20, 'synced'); await flood(4, batchOfSize(1150, 100), 12_000, 20, 'page-cache'); },
  small: async () => { for (const partitions of [1, 100, 1000]) await flood(partitions, batchOfSize(1, 1024), 200_000, 50, 'synced'); await flood(1000, batchOfSize(1, 1024), 200_000, 50, 'page-cache'); },
  steady: async () => { for (const partitions of [1, 1000, 1, 1000]) await steady(partitions, 20_000, 5, 10); },
  reads: () => reads(1000),
  start: () => start(Number(process.env.GB ?? 10)),
  idle: () => idle(10_000),
};

if (process.argv[2] === '--fill') await fill(process.argv[3]!, Number(process.argv[4]));
else for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(cases)) await cases[name]!();
