// os/serve-calls.ts - the other end of a helper: calls that arrive at a thread, one after the other.
// Owns: answering, errors as data, giving way to the other threads. Never: what is computed.
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { assert, isMillraceError } from '../base/mod.ts';
import type { HelperAnswer } from './ports.ts';

/** A call on its way to the thread. */
export interface CallMessage { readonly call: number; readonly message: unknown }

/** What comes back: an answer or the error of the catalogue as data. */
export interface CallAnswer {
  readonly call: number;
  readonly answer?: unknown;
  readonly error?: { readonly code: string | null; readonly message: string; readonly data: Readonly<Record<string, unknown>> };
}

/** Answers every call of the thread that started this one. To be called once, by the module that a helper begins with. */
export function serveCalls(handle: (message: unknown) => HelperAnswer): void {
  assert(parentPort !== null, 'calls are served on a thread');
  const port = parentPort;
  giveWay();
  port.on('message', ({ call, message }: CallMessage) => {
    try {
      const { answer, moved = [] } = handle(message);
      port.postMessage({ call, answer } satisfies CallAnswer, moved as ArrayBuffer[]);
    } catch (error) {
      port.postMessage({ call, error: told(error) } satisfies CallAnswer);
    }
  });
}

/** Where priorities are those of threads (Linux), this one comes after all that answer somebody; elsewhere it would be the whole process. */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, helperNiceness);
  } catch {
    // Not allowed: then it is a thread like all others.
  }
}

const helperNiceness = 10;

function told(error: unknown): NonNullable<CallAnswer['error']> {
  if (isMillraceError(error)) return { code: error.code, message: error.message, data: plain(error.data) };
  return { code: null, message: error instanceof Error ? error.stack ?? error.message : String(error), data: {} };
}

/** Only what surely crosses. */
function plain(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)));
}
