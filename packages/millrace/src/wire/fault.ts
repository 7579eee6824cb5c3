// wire/fault.ts - a refusal inside a codec, before it knows which field it was.
// Owns: the light throwable that readers and writers use, and its translation at the codec's edge into a MillraceError with field and position.
import { MillraceError, type ErrorCode } from '../base/mod.ts';

/** What a Reader or Writer throws; compiled codecs turn it into a MillraceError. No stack: hostile bytes must be cheap to refuse. */
export class Fault {
  readonly reason: string;
  /** Byte in the frame where the trouble starts; -1 when encoding. */
  readonly position: number;

  constructor(reason: string, position: number) {
    this.reason = reason;
    this.position = position;
  }
}

/** What a codec was doing when a fault came. */
export interface Doing {
  readonly verb: 'decode' | 'encode';
  /** Such as 'Produce request'. */
  readonly message: string;
  readonly version: number;
  /** Field path with '[]' where an index belongs. */
  readonly path: string;
  readonly indexes: readonly number[];
}

/** Adds the field to a fault: 'invalid-bytes' from decoders, 'invalid-argument' from encoders. Anything else is passed on as it is. */
export function withField(error: unknown, doing: Doing): unknown {
  if (!(error instanceof Fault)) return error;
  let level = 0;
  const field = doing.path.replace(/\[\]/g, () => `[${doing.indexes[level++] ?? 0}]`);
  const code: ErrorCode = doing.verb === 'decode' ? 'invalid-bytes' : 'invalid-argument';
  const where = error.position < 0 ? '' : ` at byte ${error.position}`;
  return new MillraceError(code, `Cannot ${doing.verb} '${doing.message}' version ${doing.version}: ${field}${where}: ${error.reason}`, {
    message: doing.message, version: doing.version, field, position: error.position,
  });
}
