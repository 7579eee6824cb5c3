// tools/mutants/bench.ts - a copy of the tree in which mutants are tried, one at a time.
// Owns: the copy, writing a mutant in and taking it out, running the trial within bounds. Never: which mutants.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../source.ts';
import type { SimLevel } from '../../packages/millrace/src/testing/sim/run-seed.ts';
import { apply } from './operators.ts';
import type { Mutant } from './operators.ts';

/** How a mutant ended. */
export type Verdict =
  | { readonly kind: 'killed'; readonly by: 'simulation' | 'hang' | 'load' | 'tests' | 'room'; readonly says: string }
  | { readonly kind: 'survived' };

/** Bounds of one trial. */
export interface TrialOptions {
  /** Seeds by level, in the order in which they are run. */
  readonly seeds: readonly (readonly [level: SimLevel, count: number])[];
  /** A trial that takes more processor time hangs: that is noticed too. Wall time may be five times as long, for busy machines. */
  readonly cpuSecondsMax: number;
  /** Also run the tests of the mutant's room when the simulations noticed nothing: its folder's, then the others. */
  readonly withTests: boolean;
}

/** A copy of what the simulations need. */
export class MutantBench implements Disposable {
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'millrace-mutants-'));
    for (const part of ['packages', 'tools']) cpSync(join(repository, part), join(this.#folder, part), { recursive: true, filter: (path) => !path.includes('/node_modules') });
    cpSync(join(repository, 'package.json'), join(this.#folder, 'package.json'));
    symlinkSync(join(repository, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Tries the tree as it is; it must survive. */
  baseline(options: TrialOptions): Promise<Verdict> {
    return this.#simulate(options);
  }

  /** Tries one mutant. */
  async try(mutant: Mutant, options: TrialOptions): Promise<Verdict> {
    const path = join(this.#folder, mutant.file);
    const original = readFileSync(path, 'utf8');
    writeFileSync(path, apply(mutant, original));
    try {
      const verdict = await this.#simulate(options);
      return verdict.kind === 'killed' || !options.withTests ? verdict : await this.#test(mutant, options);
    } finally {
      writeFileSync(path, original);
    }
  }

  [Symbol.dispose](): void { rmSync(this.#folder, { recursive: true, force: true }); }

  async #simulate({ seeds, cpuSecondsMax }: TrialOptions): Promise<Verdict> {
    const ended = await run(this.#folder, ['tools/mutants/try.ts', ...seeds.flatMap(([level, count]) => [level, String(count)])], cpuSecondsMax);
    if (ended.code === 0) return { kind: 'survived' };
    if (ended.code === null) return { kind: 'killed', by: 'hang', says: `no end after ${cpuSecondsMax} s of processor time` };
    const says = ended.output.trim().split('\n').at(-1)!;
    return { kind: 'killed', by: / seed \d+: /.test(says) ? 'simulation' : 'load', says };
  }

  /** One file after the other, the likeliest killer first; the first that notices ends it. */
  async #test(mutant: Mutant, { cpuSecondsMax }: TrialOptions): Promise<Verdict> {
    const folder = mutant.file.slice(0, mutant.file.lastIndexOf('/'));
    for (const file of this.#testsFor(mutant.file)) {
      const ended = await run(this.#folder, ['--test-force-exit', '--test-timeout=60000', '--test-reporter=tap', file], cpuSecondsMax);
      if (ended.code === 0) continue;
      const says = `${file.slice(file.lastIndexOf('/') + 1)}: ${/^not ok \d+ - (.*)$/m.exec(ended.output.replaceAll(/^ +/gm, ''))?.[1] ?? 'the tests hang'}`;
      return { kind: 'killed', by: file.startsWith(`${folder}/`) && !file.slice(folder.length + 1).includes('/') ? 'tests' : 'room', says };
    }
    return { kind: 'survived' };
  }

  /** Tests of the mutant's room: those named after the file, those of its folder, those of the room; short ones first. */
  #testsFor(file: string): string[] {
    const folder = file.slice(0, file.lastIndexOf('/'));
    const stem = file.slice(folder.length + 1, -'.ts'.length);
    const room = /^packages\/millrace\/src\/\w+/.exec(file)![0];
    const rank = (path: string) => (path.startsWith(`${folder}/${stem}`) ? 0 : path.startsWith(`${folder}/`) ? 1 : 2);
    return readdirSync(join(this.#folder, room), { encoding: 'utf8', recursive: true })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => ({ path: `${room}/${name}`, bytes: statSync(join(this.#folder, room, name)).size }))
      .sort((a, b) => rank(a.path) - rank(b.path) || a.bytes - b.bytes)
      .map(({ path }) => path);
  }
}

/** Runs Node in its own process group, so that a hang leaves nothing behind. */
function run(cwd: string, args: readonly string[], cpuSecondsMax: number): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', `ulimit -t ${cpuSecondsMax}; exec "$0" "$@"`, process.execPath, '--disable-warning=ExperimentalWarning', '--max-old-space-size=1500', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    const end = () => { try { process.kill(-child.pid!, 'SIGKILL'); } catch { /* it has just ended */ } };
    const timer = setTimeout(end, 5000 * cpuSecondsMax);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-20_000); });
    child.on('close', (code) => { clearTimeout(timer); end(); resolve({ code, output }); });
  });
}
