// base/errors.ts - the one catalogue of expected failures.
// Owns: every error code, its default of `retry`, and the class that carries it. Never: Kafka's numbers (wire/error-codes.ts maps them).

/**
 * Every code a caller can meet, and whether trying the same call again can help.
 * Adding a code here is adding it to docs/guide/errors.md; a test holds the two together.
 */
export const errorCatalogue = {
  'invalid-argument': { retry: false, help: 'a value given by the caller is out of range or of the wrong form' },
  'invalid-bytes': { retry: false, help: 'bytes do not decode: cut, damaged, or not of this protocol' },
  'unsupported-version': { retry: false, help: 'the other side does not speak this version' },
  'corrupt-batch': { retry: false, help: 'a record batch failed its checksum or its own counts' },
  'message-too-large': { retry: false, help: 'a batch or request is over its configured limit' },
  'topic-not-found': { retry: false, help: 'no such topic or partition' },
  'topic-exists': { retry: false, help: 'a topic of that name is there already' },
  'offset-out-of-range': { retry: false, help: 'the offset is below the log start or past its end' },
  'group-not-found': { retry: false, help: 'no such consumer group' },
  'fenced': { retry: false, help: 'a newer member, producer or leader has taken over' },
  'rebalance': { retry: true, help: 'the group changed; join again' },
  'disk-full': { retry: true, help: 'no room for appends; reads go on, appends resume by themselves' },
  'storage-failed': { retry: false, help: 'a sync failed; the node takes no more writes until it is restarted' },
  'data-damaged': { retry: false, help: 'stored bytes do not match their checksum' },
  'data-folder-locked': { retry: false, help: 'another node is running on this folder' },
  'data-folder-newer': { retry: false, help: 'the folder was written by a newer Millrace' },
  'overloaded': { retry: true, help: 'a limit was reached; slow down and try again' },
  'timeout': { retry: true, help: 'the deadline passed before the answer came' },
  'circuit-open': { retry: true, help: 'this endpoint failed too often; calls pause until it recovers' },
  'disconnected': { retry: true, help: 'the connection was lost or refused' },
  'closed': { retry: false, help: 'the object was closed' },
  'not-found': { retry: false, help: 'no such file or thing' },
  'not-leader': { retry: true, help: 'the partition or group is served by another broker now; the client looks it up again by itself' },
  'unavailable': { retry: true, help: 'the server is starting, loading or electing; it will answer soon' },
  'unknown-member': { retry: true, help: 'the group no longer knows this member; it joins again by itself' },
  'group-not-empty': { retry: true, help: 'the group still has members; stop them first' },
  'authentication-failed': { retry: false, help: 'one side did not believe who the other says it is: a wrong user, password, token or certificate' },
  'not-authorized': { retry: false, help: 'the server does not allow this to this client' },
  'record-refused': { retry: false, help: 'the server refused this record; others of its batch may be fine' },
  'out-of-sequence': { retry: false, help: 'the server misses records that it had acknowledged to this producer, or has forgotten the producer' },
  'transaction-aborted': { retry: true, help: 'the transaction was not committed, and nothing of it is seen; run it again' },
  'server-error': { retry: false, help: 'the server answered with an error that has no code of its own here' },
} as const satisfies Record<string, { retry: boolean; help: string }>;

/** A code from the catalogue. */
export type ErrorCode = keyof typeof errorCatalogue;

/**
 * An expected failure. `message` reads "Cannot <do> '<thing>': <state>"; `retry` says whether the same call may succeed later;
 * `data` holds what a program needs to react (names, offsets, limits), never secrets.
 * @example throw new MillraceError('topic-not-found', `Cannot fetch from '${topic}': no such topic`, { topic });
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, data: Record<string, unknown> & { retry?: boolean; cause?: unknown } = {}) {
    const { retry, cause, ...rest } = data;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retry = retry ?? errorCatalogue[code].retry;
    this.data = rest;
  }
}

/** True for a MillraceError, of the given code when one is named. */
export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  return error instanceof MillraceError && (code === undefined || error.code === code);
}
