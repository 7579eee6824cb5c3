// os/gradual-removal.ts - large files are removed at once by name, and their blocks freed little by little.
// Owns: what is still to be freed, one file after the other. Never: which files (node-disk.ts: those that nobody has open).
// Measured on ext4 with discard: five files of 128 MiB removed at once hold up syncs of other files for 20-27 ms each, five times; freed in these steps, at most 3 ms.
// A process that ends leaves the rest to the system, which frees it at once. A file with another name (a hard link) is left whole.
import * as fs from 'node:fs';
import { promisify } from 'node:util';

/** Files from this size on are worth it. */
export const largeFileBytes = 16 << 20;
const stepBytes = 8 << 20;
const stepEveryMs = 5;

const open = promisify(fs.open);
const close = promisify(fs.close);
const unlink = promisify(fs.unlink);
const fstat = promisify(fs.fstat);
const ftruncate = promisify(fs.ftruncate);

const waiting: { readonly fd: number; bytes: number }[] = [];
let isFreeing = false;

/** Removes a file; its name is gone when this resolves. One that `isOpen` to a reader, who may have come meanwhile, keeps its bytes until that closes it. Rejects as the system's calls do. */
export async function removeGradually(path: string, isOpen: () => boolean): Promise<void> {
  const fd = await open(path, 'r+');
  try {
    await unlink(path);
    const { nlink, size } = await fstat(fd);
    if (nlink > 0 || isOpen()) return await close(fd);
    waiting.push({ fd, bytes: size });
  } catch (error) {
    await close(fd);
    throw error;
  }
  if (!isFreeing) void freeAll();
}

async function freeAll(): Promise<void> {
  isFreeing = true;
  for (let file = waiting[0]; file !== undefined; file = waiting[0]) {
    try {
      while (file.bytes > 0) {
        file.bytes = Math.max(0, file.bytes - stepBytes);
        await ftruncate(file.fd, file.bytes);
        await new Promise<void>((resolve) => { setTimeout(resolve, stepEveryMs).unref(); });
      }
    } catch {
      // What cannot be freed in steps is freed by closing it.
    }
    waiting.shift();
    await close(file.fd).catch(() => {});
  }
  isFreeing = false;
}
