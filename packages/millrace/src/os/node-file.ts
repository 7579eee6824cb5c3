// os/node-file.ts - the DiskFile port on a file descriptor.
// Owns: one descriptor. Never: locking, paths outside the data folder. Cost: one system call on libuv's pool for each method.
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { assert, MillraceError } from '../base/mod.ts';
import { errorOfSystem } from './node-errors.ts';
import type { DiskFile } from './ports.ts';

const fdatasync = promisify(fs.fdatasync);
const ftruncate = promisify(fs.ftruncate);
const fstat = promisify(fs.fstat);
const close = promisify(fs.close);
const iovecsMax = 1024;

/** How often a file is open; the path changes when it is renamed. */
export interface OpenFiles { path: string; count: number; readonly none: (files: OpenFiles) => void }

/** An open file. Made by NodeDisk.open. */
export class NodeFile implements DiskFile {
  readonly path: string;
  /** True when every write is durable on return (opened with O_DIRECT and O_DSYNC). */
  readonly syncsEachWrite: boolean;
  readonly #files: OpenFiles;
  #fd: number;

  constructor(path: string, fd: number, syncsEachWrite: boolean, files: OpenFiles) {
    this.path = path;
    this.#fd = fd;
    this.syncsEachWrite = syncsEachWrite;
    this.#files = files;
    files.count++;
  }

  /** The descriptor, for the lane's thread; throws 'closed'. */
  get fd(): number {
    if (this.#fd < 0) throw new MillraceError('closed', `Cannot use '${this.path}': the file is closed`);
    return this.#fd;
  }

  async size(): Promise<number> {
    return (await this.#run('measure', () => fstat(this.fd))).size;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#run('read', () => readOnce(this.fd, into, filled, position + filled));
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  readSync(into: Uint8Array, position: number): number {
    try {
      let filled = 0;
      while (filled < into.length) {
        const count = fs.readSync(this.fd, into, filled, into.length - filled, position + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    } catch (error) {
      throw errorOfSystem(error, 'read', this.path);
    }
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    let index = 0;
    let skip = 0;
    while (index < parts.length) {
      const slice = parts.slice(index, index + iovecsMax);
      if (skip > 0) slice[0] = slice[0]!.subarray(skip);
      let written = await this.#run('write', () => writeOnce(this.fd, slice, position));
      position += written;
      for (const part of slice) {
        if (written < part.length) { skip = (part === slice[0] ? skip : 0) + written; break; }
        written -= part.length;
        index++;
        skip = 0;
      }
    }
  }

  async truncate(bytes: number): Promise<void> { await this.#run('truncate', () => ftruncate(this.fd, bytes)); }

  async sync(): Promise<void> { await this.#run('sync', () => fdatasync(this.fd)); }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    if (--this.#files.count === 0) this.#files.none(this.#files);
    await this.#run('close', () => close(fd));
  }

  async #run<T>(action: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw errorOfSystem(error, action, this.path);
    }
  }
}

function readOnce(fd: number, into: Uint8Array, at: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, at, into.length - at, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

function writeOnce(fd: number, parts: Uint8Array[], position: number): Promise<number> {
  assert(parts.length <= iovecsMax, 'a write stays within the system limit of parts');
  return new Promise((resolve, reject) => {
    fs.writev(fd, parts, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
