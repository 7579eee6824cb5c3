// tools/test/parts.ts - the parts of `./millrace test`, in the order in which they run: cheap and telling first.
// Owns: which files or program make up a part. Never: running them (node-tests.ts, program.ts) or adding up (main.ts).
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { repository } from '../source.ts';

/** One part: test files for Node's runner after an optional set-up program, or a program of its own. */
export type Part = {
  readonly name: string;
  readonly summary: string;
  /** Longest time that the part may take before it counts as failed, in minutes: [a push, the full run]. */
  readonly minutesMax: readonly [push: number, full: number];
  /** Left out on a push, because it takes long; runs with --full, and when it is named. */
  readonly fullOnly?: true;
} & (
  | {
    readonly kind: 'files'; readonly roots: readonly string[]; readonly concurrency: number;
    /** Runs first; the part fails when it fails. */
    readonly setUp?: readonly string[];
    /** Files that fail are run once more, and what passes then is told: other people's clients and brokers have bad days of their own. */
    readonly secondRun?: true;
    /** Other people's clients leave timers behind: a file's process ends with its last test. */
    readonly endsWithTests?: boolean;
  }
  | { readonly kind: 'program'; readonly command: (full: boolean) => readonly string[]; readonly countOf: 'errors' | 'summary' }
);

const node = process.execPath;
/** Brings Java, Maven's jars, Python's and Debian's packages; quick when all is there. */
const installPeers = [node, 'test/peers/install.ts'];

/** All parts. A folder that holds no test file fails its part: an empty part proves nothing. */
export const parts: readonly Part[] = [
  {
    name: 'types', summary: 'the type checker over the whole repository', minutesMax: [5, 5], kind: 'program', countOf: 'errors',
    command: () => [node, 'node_modules/typescript/bin/tsc', '-p', '.'],
  },
  { name: 'tidy', summary: 'rooms, cycles, docstrings, reference pages', minutesMax: [5, 5], kind: 'files', roots: ['tools'], concurrency: 2 },
  { name: 'unit', summary: 'tests beside the code', minutesMax: [10, 30], kind: 'files', roots: ['packages'], concurrency: 2 },
  { name: 'docs', summary: 'every code block of the guide and the README', minutesMax: [5, 5], kind: 'files', roots: ['docs'], concurrency: 1 },
  { name: 'pack', summary: 'the packed package, installed and run elsewhere', minutesMax: [5, 5], kind: 'files', roots: ['test/pack'], concurrency: 1 },
  { name: 'demo', summary: 'the demo, whole, kept and interrupted', minutesMax: [5, 10], kind: 'files', roots: ['test/demo'], concurrency: 1 },
  {
    name: 'differential', summary: 'bytes against kafka-clients', minutesMax: [10, 30], kind: 'files', roots: ['test/differential'],
    setUp: installPeers, concurrency: 1,
  },
  {
    name: 'conformance', summary: 'real clients and tools, against Millrace and Apache Kafka', minutesMax: [20, 60], kind: 'files', roots: ['test/conformance'],
    setUp: installPeers, concurrency: 1, endsWithTests: true, secondRun: true,
  },
  { name: 'sim', summary: 'seeded simulations of whole nodes', minutesMax: [20, 120], kind: 'files', roots: ['test/sim'], concurrency: 2 },
  { name: 'histories', summary: 'histories of transactional clients on a node that is killed and paused', minutesMax: [10, 60], kind: 'files', roots: ['test/histories'], setUp: installPeers, concurrency: 1, endsWithTests: true, secondRun: true },
  { name: 'outside', fullOnly: true, summary: "other people's programs on a node that is killed: Streams, Connect, MirrorMaker, Spring, Flink, Sarama, franz-go, rdkafka", minutesMax: [15, 60], kind: 'files', roots: ['test/outside'], setUp: installPeers, concurrency: 1, endsWithTests: true },
  {
    name: 'move', fullOnly: true, summary: 'moving house between real clusters, with kills', minutesMax: [10, 10], kind: 'files', roots: ['test/move'], setUp: installPeers, concurrency: 1, endsWithTests: true,
  },
  { name: 'crash', summary: 'kill -9 and power cuts', minutesMax: [15, 60], kind: 'files', roots: ['test/crash'], setUp: installPeers, concurrency: 1, endsWithTests: true },
];

/** Test files under the roots, as paths from the repository, sorted. */
export function testFiles(roots: readonly string[]): string[] {
  return roots.filter((root) => existsSync(join(repository, root))).flatMap((root) =>
    readdirSync(join(repository, root), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts') && !entry.parentPath.includes('node_modules'))
      .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
      .sort());
}
