// cli/exit-codes.ts - what the exit code of every command means. docs/guide/cli.md lists them; a test holds the two together.
import { isMillraceError } from '../base/mod.ts';

/** Exit codes by name, each with its meaning for the reference page. */
export const exitCodes = {
  done: { code: 0, meaning: 'done; also a node or a follower that was asked to stop' },
  failed: { code: 1, meaning: 'the server refused, a check of the demo or the tests failed, or some records were not delivered' },
  usage: { code: 2, meaning: 'wrong flags, arguments or settings; nothing was done' },
  unreachable: { code: 3, meaning: 'no answer: connection refused, lost or timed out' },
  damaged: { code: 4, meaning: '`check` found damage' },
  bug: { code: 70, meaning: 'a bug in Millrace, or its set-up failed' },
  interrupted: { code: 130, meaning: 'interrupted before it was done' },
} as const;

/** A name of an exit code. */
export type ExitName = keyof typeof exitCodes;

/** Thrown by a command that has said all there is to say and only needs its exit code. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: number;
  constructor(name: ExitName) {
    super(`exit: ${name}`);
    this.code = exitCodes[name].code;
  }
}

/** The exit code for a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (!isMillraceError(error)) return exitCodes.bug.code;
  if (error.code === 'disconnected' || error.code === 'timeout' || error.code === 'circuit-open') return exitCodes.unreachable.code;
  if (error.code === 'invalid-argument' && error.data['usage'] === true) return exitCodes.usage.code;
  return exitCodes.failed.code;
}
