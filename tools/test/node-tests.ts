// tools/test/node-tests.ts - runs test files under Node's own runner and counts what it reports.
// Owns: the translation of its events. N1 Only the runner's own closing summary is believed: a run without one has failed.
// N2 A run of no test has failed.
import type { WriteStream } from 'node:fs';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { type Tally, failedOutright } from './tally.ts';

/** How to run the files. */
export interface NodeTestOptions {
  readonly files: readonly string[];
  readonly cwd: string;
  readonly concurrency: number;
  /** Ends each file's process with its last test, whatever it left open. */
  readonly endsWithTests?: boolean;
  /** Bound of the whole run. */
  readonly timeoutMs: number;
  /** Bound of each test that names none: a test that waits for ever has failed. */
  readonly testTimeoutMs: number;
  /** Everything the tests and the runner say goes here. */
  readonly log: WriteStream;
  /** Told after each finished test. */
  readonly onProgress: (finished: number, name: string) => void;
}

interface Counts { passed: number; failed: number; cancelled: number; skipped: number; todo: number }

/** Runs all files, at most `concurrency` processes at a time; never rejects. */
export async function runNodeTests(options: NodeTestOptions): Promise<Tally> {
  if (options.files.length === 0) return failedOutright('no test file found');
  const abort = new AbortController();
  const failures: string[] = [];
  const failedFiles = new Set<string>();
  const skips: string[] = [];
  let counts: Counts | undefined;
  let finished = 0;
  const timer = setTimeout(() => abort.abort(), options.timeoutMs);
  const stream = run({ files: [...options.files], cwd: options.cwd, concurrency: options.concurrency, timeout: options.testTimeoutMs, execArgv: options.endsWithTests === true ? ['--test-force-exit'] : [], signal: abort.signal });
  stream.on('test:pass', (event) => {
    if (event.skip !== undefined && event.skip !== false) skips.push(`${event.name}: ${event.skip === true || event.skip === '' ? 'no reason given' : event.skip}`);
    if (event.details.type !== 'suite') options.onProgress(++finished, event.name);
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') options.onProgress(++finished, event.name);
    const error = event.details.error as Error & { failureType?: string };
    if (event.file !== undefined) failedFiles.add(relative(options.cwd, event.file));
    if (error.failureType !== 'subtestsFailed') failures.push(`${relative(options.cwd, event.file ?? '')} ${event.name}: ${firstLines(error.cause ?? error)}`);
  });
  stream.on('test:summary', (event) => { if (event.file === undefined) counts = event.counts as unknown as Counts; });
  try {
    for await (const text of stream.compose(spec)) options.log.write(text);
  } catch (error) {
    failures.push(`the runner stopped: ${firstLines(error)}`);
  } finally {
    clearTimeout(timer);
  }
  if (abort.signal.aborted) failures.push(`not finished after ${Math.round(options.timeoutMs / 60_000)} minutes`);
  return { ...tally(counts, failures, skips, abort.signal.aborted), failedFiles: [...failedFiles] };
}

function tally(counts: Counts | undefined, failures: string[], skips: string[], aborted: boolean): Tally {
  if (counts === undefined) return { passed: 0, failed: Math.max(1, failures.length), skipped: 0, failures: [...failures, 'the runner gave no summary'], skips };
  const failed = Math.max(counts.failed + counts.cancelled, aborted ? 1 : 0);
  if (counts.passed + failed === 0) return { ...failedOutright('no test ran'), skips };
  return { passed: counts.passed, failed, skipped: counts.skipped + counts.todo, failures, skips };
}

function firstLines(error: unknown): string {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  return text.split('\n').slice(0, 12).join('\n    ');
}
