// tools/test/program.ts - runs a part that is a program of its own, and its set-up scripts.
// Owns: child processes of the test command, each in a process group of its own so that a time-out leaves nothing behind.
import { spawn } from 'node:child_process';
import type { WriteStream } from 'node:fs';
import { type Tally, failedOutright } from './tally.ts';

/** How to run the program. */
export interface ProgramOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly timeoutMs: number;
  readonly log: WriteStream;
}

/** What a program came to; `code` is null after a signal or a time-out. */
export interface ProgramResult { readonly code: number | null; readonly output: string; readonly timedOut: boolean }

/** Runs a program to its end, copies what it says to the log and keeps it; never rejects. */
export function runProgram({ command, cwd, timeoutMs, log }: ProgramOptions): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => { timedOut = true; if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL'); }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { log.write(chunk); output += chunk.toString(); });
    child.on('error', (error) => { clearTimeout(timer); resolve({ code: null, output: `${output}${error.message}`, timedOut }); });
    child.on('close', (code) => { clearTimeout(timer); resolve({ code, output, timedOut }); });
  });
}

/** Counts the lines 'file(line,column): error ...' of a type checker: none is one pass. */
export function tallyErrors(result: ProgramResult): Tally {
  const errors = result.output.split('\n').filter((line) => /\berror TS\d+:/.test(line));
  if (errors.length > 0) return { passed: 0, failed: errors.length, skipped: 0, failures: errors, skips: [] };
  return result.code === 0 ? { passed: 1, failed: 0, skipped: 0, failures: [], skips: [] } : failedOutright(lastLines(result));
}

/** Believes the last line 'N passed, N failed[, N skipped]'; without one, or when it contradicts the exit code, the part has failed. */
export function tallySummary(result: ProgramResult): Tally {
  const match = [...result.output.matchAll(/^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  if (match === undefined) return failedOutright(`no closing line\n${lastLines(result)}`);
  const [passed, failed, skipped] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  const failures = failed > 0 || result.code !== 0 ? [lastLines(result)] : [];
  return { passed, failed: failed === 0 && (result.code !== 0 || passed === 0) ? 1 : failed, skipped, failures, skips: [] };
}

function lastLines(result: ProgramResult): string {
  const end = result.timedOut ? 'stopped after its time was up' : `exit code ${result.code}`;
  return `${end}\n    ${result.output.trimEnd().split('\n').slice(-15).join('\n    ')}`;
}
