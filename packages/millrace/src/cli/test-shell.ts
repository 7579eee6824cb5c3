// cli/test-shell.ts - a Shell for tests: what a command writes is collected, what it reads is given.
// Owns: nothing of the process, so that many commands run beside each other in one test.
import { run } from './run.ts';
import { Terminal } from './terminal.ts';

/** What one call of the command line did. */
export interface Called { readonly code: number; readonly out: string; readonly err: string; readonly json: unknown; /** How keys were asked for, in order. */ readonly raw: readonly boolean[] }

/** Surroundings of a call; everything has a default. */
export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly stdin?: string | AsyncIterable<Uint8Array>;
  readonly stop?: AbortSignal;
  /** A terminal of this size for what is written and what is read, with keys typed by `stdin`. */
  readonly terminal?: { columns: number; rows: number; onResize?: () => void };
  /** Told of each piece of output as it is written. */
  readonly onOutput?: (text: string) => void;
}

/** Runs `millrace ...args` in this process. @example const { code } = await call(['topics', 'list']); */
export async function call(args: readonly string[], options: CallOptions = {}): Promise<Called> {
  const written = { out: '', err: '' };
  const sink = (name: 'out' | 'err') => ({ write: (text: string) => { written[name] += text; options.onOutput?.(text); } });
  const { stdin = '', terminal } = options;
  const screen = terminal === undefined ? sink('out') : {
    ...sink('out'), isTTY: true, get columns() { return terminal.columns; }, get rows() { return terminal.rows; },
    on: (_event: 'resize', listener: () => void) => { terminal.onResize = listener; }, off: () => { delete terminal.onResize; },
  };
  const raw: boolean[] = [];
  const code = await run(args, {
    env: options.env ?? {}, folder: options.folder ?? '/nowhere', stdinIsTerminal: terminal !== undefined, setRaw: (on) => { raw.push(on); },
    stdin: typeof stdin === 'string' ? (async function* () { yield new TextEncoder().encode(stdin); })() : stdin,
    out: new Terminal(screen), err: new Terminal(sink('err')), stop: options.stop ?? new AbortController().signal,
  });
  return { code, ...written, raw, get json() { return JSON.parse(written.out) as unknown; } };
}
