// tools/test/main.ts - `./millrace test [--full] [--only PART]... [--list]`: runs every part and adds up.
// Owns: order, logs under .millrace/test/, the closing line 'N passed, N failed, N skipped' and the exit code.
// T1 Exit code 0 only when nothing failed and something passed. T2 A part that cannot run counts as one failure. T3 Nothing is skipped silently.
import { createWriteStream, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from '../source.ts';
import { runNodeTests } from './node-tests.ts';
import { type Part, parts, testFiles } from './parts.ts';
import { runProgram, tallyErrors, tallySummary } from './program.ts';
import { type Tally, closingLine, failedOutright, withSecondRun } from './tally.ts';

const { values } = parseArgs({
  options: { full: { type: 'boolean' }, only: { type: 'string', multiple: true }, list: { type: 'boolean' } },
});
const full = values.full === true;
const terminal = process.stdout.isTTY === true && process.env.CI === undefined;
const startedMs = Date.now();

if (values.list === true) {
  for (const part of parts) console.log(`${part.name.padEnd(14)}${part.summary}${part.fullOnly === true ? ' (with --full, or when named)' : ''}`);
} else {
  const wanted = (values.only ?? []).flatMap((names) => names.split(','));
  const unknown = wanted.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(`Cannot run '${unknown[0]}': no such part. Parts: ${parts.map((part) => part.name).join(', ')}`);
    process.exitCode = 2;
  } else {
    await runParts(parts.filter((part) => (wanted.length === 0 ? full || part.fullOnly !== true : wanted.includes(part.name))));
  }
}

async function runParts(chosen: readonly Part[]): Promise<void> {
  const logs = join(repository, '.millrace/test');
  mkdirSync(logs, { recursive: true });
  process.env.MILLRACE_TEST_FULL = full ? '1' : '';
  console.log(`Millrace tests${full ? ', the full run' : ''}: ${chosen.map((part) => part.name).join(', ')}. Logs: ${relative(process.cwd(), logs) || logs}`);
  const tallies: Tally[] = [];
  for (const part of chosen) {
    const partStartedMs = Date.now();
    const tally = await runPart(part, join(logs, `${part.name}.log`));
    tallies.push(tally);
    report(part, tally, Date.now() - partStartedMs);
  }
  const line = closingLine(tallies);
  console.log(`\nfinished in ${seconds(Date.now() - startedMs)}`);
  console.log(line);
  process.exitCode = tallies.every((tally) => tally.failed === 0) && tallies.some((tally) => tally.passed > 0) ? 0 : 1;
}

async function runPart(part: Part, logPath: string): Promise<Tally> {
  const log = createWriteStream(logPath);
  const timeoutMs = part.minutesMax[full ? 1 : 0] * 60_000;
  const onProgress = (finished: number, name: string) => showProgress(`${part.name.padEnd(14)}${finished} done, ${name}`);
  if (terminal) showProgress(`${part.name.padEnd(14)}${part.summary} ...`);
  else console.log(`     ${part.name.padEnd(14)}${part.summary} ...`);
  try {
    if (part.kind === 'program') {
      const result = await runProgram({ command: part.command(full), cwd: repository, timeoutMs, log });
      return part.countOf === 'errors' ? tallyErrors(result) : tallySummary(result);
    }
    const files = testFiles(part.roots);
    if (part.setUp !== undefined && files.length > 0) {
      showProgress(`${part.name.padEnd(14)}installing what it needs ...`);
      const setUp = await runProgram({ command: part.setUp, cwd: repository, timeoutMs, log });
      if (setUp.code !== 0) return failedOutright(`its set-up '${part.setUp.slice(1).join(' ')}' failed:\n    ${setUp.output.trimEnd().split('\n').slice(-8).join('\n    ')}`);
    }
    const run = (some: readonly string[]) => runNodeTests({ files: some, cwd: repository, concurrency: part.concurrency, endsWithTests: part.endsWithTests, timeoutMs, testTimeoutMs: timeoutMs / 2, log, onProgress });
    const first = await run(files);
    if (part.secondRun !== true || first.failed === 0 || (first.failedFiles ?? []).length === 0) return first;
    return withSecondRun(first, await run(first.failedFiles!));
  } finally {
    await new Promise((resolve) => log.end(resolve));
  }
}

function report(part: Part, tally: Tally, tookMs: number): void {
  clearProgress();
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  console.log(`${tally.failed === 0 ? 'ok  ' : 'FAIL'} ${part.name.padEnd(14)}${tally.passed} passed, ${tally.failed} failed${skipped}   (${seconds(tookMs)})`);
  for (const failure of tally.failures.slice(0, 20)) console.log(`     failed: ${failure}`);
  if (tally.failures.length > 20) console.log(`     and ${tally.failures.length - 20} more: .millrace/test/${part.name}.log`);
  for (const text of tally.passing ?? []) console.log(`     failed once, passed the second time: ${text}`);
  for (const skip of tally.skips) console.log(`     skipped: ${skip}`);
}

function showProgress(text: string): void {
  if (terminal) process.stdout.write(`\r\x1b[2K     ${text.slice(0, (process.stdout.columns ?? 80) - 6)}`);
}

function clearProgress(): void {
  if (terminal) process.stdout.write('\r\x1b[2K');
}

function seconds(ms: number): string {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
