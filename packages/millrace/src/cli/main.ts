#!/usr/bin/env -S node --max-semi-space-size=4
// cli/main.ts - the process of the command line: its streams, its signals, its exit.
// Owns: the real Shell, and the size of the young generation (the first line; the script `millrace` says the same, and a test holds them together). Measured with V8's own
// limit: 103 MB of it under 50 producers of single records, at the same CPU time a record as with 8 MB.
// M1 The first SIGINT or SIGTERM asks the command to stop, the second ends the process.
import { enableCompileCache } from 'node:module';
import type { Shell } from './shell.ts';

// Compiled code is kept between runs, in the folder that NODE_COMPILE_CACHE names or a temporary one: it must be on before anything is loaded.
enableCompileCache();
const [{ exitCodes }, { run }, { Terminal }] = await Promise.all([import('./exit-codes.ts'), import('./run.ts'), import('./terminal.ts')]);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted.code);
    stop.abort(signal);
  });
}
// The reader of a pipe has gone (`millrace consume ... | head`): that is an end, not a failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exitCodes.done.code : exitCodes.bug.code));
}

const shell: Shell = {
  env: process.env,
  folder: process.cwd(),
  get stdin() {
    stop.signal.addEventListener('abort', () => process.stdin.destroy(), { once: true }); // who waits for input is woken
    return process.stdin;
  },
  get stdinIsTerminal() { return process.stdin.isTTY === true; },
  setRaw: (raw) => { process.stdin.setRawMode(raw); },
  out: new Terminal(process.stdout, process.env),
  err: new Terminal(process.stderr, process.env),
  stop: stop.signal,
};

process.exitCode = await run(process.argv.slice(2), shell);
// What a command leaves open (idle connections, a paused stdin) must not keep the process, but a slow reader gets all that was written.
for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => { stream.write('', () => resolve()); });
process.exit();
