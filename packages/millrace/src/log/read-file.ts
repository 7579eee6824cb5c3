// log/read-file.ts - a small file whole, through the file cache.
import { MillraceError } from '../base/mod.ts';
import type { FileCache } from './file-cache.ts';

/** The first `bytes` of a file; null when it is missing or shorter. */
export async function readWholeFile(files: FileCache, path: string, bytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const into = new Uint8Array(bytes);
  if (bytes === 0) return into;
  try {
    const lease = await files.acquire(path);
    try {
      return (await lease.file.read(into, 0)) === bytes ? into : null;
    } finally {
      lease.release();
    }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'not-found') return null;
    throw error;
  }
}
