// os/node-errors.ts - what the operating system says, as errors of the catalogue.
// Owns: the translation of system error names. Never: deciding what follows from them.
import { getSystemErrorName } from 'node:util';
import { MillraceError, type ErrorCode } from '../base/mod.ts';

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full', EDQUOT: 'disk-full', EFBIG: 'disk-full', ENOENT: 'not-found', EBADF: 'closed',
};

/** The error for a failed file operation: 'disk-full', 'not-found', 'closed', else 'storage-failed'. */
export function errorOfSystem(error: unknown, action: string, path: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const name = (error as NodeJS.ErrnoException).code ?? 'EIO';
  return new MillraceError(codes[name] ?? 'storage-failed', `Cannot ${action} '${path}': ${name}`, { path, systemCode: name, cause: error });
}

/** The same from a negative errno number. */
export function errorOfErrno(errno: number, action: string, path: string): MillraceError {
  return errorOfSystem({ code: getSystemErrorName(errno) }, action, path);
}
