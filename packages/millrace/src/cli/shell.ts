// cli/shell.ts - all that a command may touch of the process it runs in, so that tests run commands beside each other.
// Owns: that contract. The real one is made in main.ts.
import type { Terminal } from './terminal.ts';

/** The surroundings of one command. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** Bytes given to the command; for `produce`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** True when a person would have to type stdin. */
  readonly stdinIsTerminal: boolean;
  /** Whether keys come one by one, as they are pressed, without being shown; only where stdin is a terminal. */
  readonly setRaw?: (raw: boolean) => void;
  /** Results. */
  readonly out: Terminal;
  /** Progress, warnings, errors. */
  readonly err: Terminal;
  /** Aborted by SIGINT and SIGTERM: finish cleanly and soon. */
  readonly stop: AbortSignal;
}
