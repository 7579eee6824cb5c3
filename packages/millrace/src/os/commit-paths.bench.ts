// os/commit-paths.bench.ts - three ways to make a group of appends durable, measured: docs/decisions/journal-past-the-page-cache.md quotes it.
// A group holds the same share for each of four partitions. Every way leaves the bytes in four growing segments and acknowledges when durable:
//   buffered   journal through the page cache, fdatasync; segments written without a sync
//   direct     journal past the page cache (O_DIRECT|O_DSYNC); segments written without a sync
//   reference  each segment written and synced; the journal gets one block that names them
// Run: node packages/millrace/src/os/commit-paths.bench.ts
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeDisk } from './mod.ts';

const { O_CREAT, O_RDWR, O_TRUNC, O_DIRECT, O_DSYNC } = fs.constants;
const folder = fs.mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'millrace-paths-'));
const memory = new NodeDisk(folder).allocate(16 << 20).fill(7);
const journalBytes = 256 << 20;
const ways = ['buffered', 'direct', 'reference'] as const;
const quantile = (values: number[], part: number): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;

function prepare(path: string): void {
  const fd = fs.openSync(path, O_RDWR | O_CREAT | O_TRUNC, 0o644);
  for (let at = 0; at < journalBytes; at += memory.length) fs.writeSync(fd, memory, 0, memory.length, at);
  fs.fdatasyncSync(fd);
  fs.closeSync(fd);
}

function measure(way: (typeof ways)[number], shareBytes: number): { ackMs: number; cpuMsPerMb: number } {
  const groupBytes = shareBytes * 4;
  const groups = Math.max(40, Math.min(400, Math.floor(200e6 / groupBytes)));
  const segments = [0, 1, 2, 3].map((index) => fs.openSync(join(folder, `segment-${index}`), O_RDWR | O_CREAT | O_TRUNC, 0o644));
  const journal = fs.openSync(join(folder, 'journal'), way === 'buffered' ? O_RDWR : O_RDWR | O_DIRECT | O_DSYNC);
  const acks: number[] = [];
  const cpu = process.cpuUsage();
  for (let group = 0; group < groups; group++) {
    const startMs = performance.now();
    const write = (): void => { for (const segment of segments) fs.writeSync(segment, memory, 0, shareBytes, group * shareBytes); };
    if (way === 'reference') {
      write();
      for (const segment of segments) fs.fdatasyncSync(segment);
      fs.writeSync(journal, memory, 0, 4096, (group * 4096) % journalBytes);
    } else {
      fs.writeSync(journal, memory, 0, groupBytes, (group * groupBytes) % (journalBytes - groupBytes + 1) & ~4095);
      if (way === 'buffered') fs.fdatasyncSync(journal);
    }
    acks.push(performance.now() - startMs);
    if (way !== 'reference') write();
  }
  const used = process.cpuUsage(cpu);
  for (const fd of [...segments, journal]) fs.closeSync(fd);
  return { ackMs: quantile(acks, 0.5), cpuMsPerMb: (used.user + used.system) / 1000 / ((groups * groupBytes) / 1e6) };
}

try {
  prepare(join(folder, 'journal'));
  console.log('share of each of 4 partitions: median ack in ms, CPU in ms per MB (medians of 3 alternating rounds)');
  for (const shareKb of [16, 64, 128, 256, 1024]) {
    const rounds = Array.from({ length: 3 }, () => ways.map((way) => measure(way, shareKb * 1024)));
    const told = ways.map((way, index) => `${way} ${quantile(rounds.map((round) => round[index]!.ackMs), 0.5).toFixed(2)} ms ${quantile(rounds.map((round) => round[index]!.cpuMsPerMb), 0.5).toFixed(2)}`);
    console.log(`${String(shareKb).padStart(5)} KiB  ${told.join('   ')}`);
  }
} finally {
  fs.rmSync(folder, { recursive: true });
}
