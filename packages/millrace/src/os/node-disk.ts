// os/node-disk.ts - the Disk port on the real file system.
// Owns: paths below one root, direct opening, aligned shared memory, the folder's lock. Never: formats of files.
// Direct files (journals) are opened O_DIRECT|O_DSYNC: measured on ext4, 1 MiB into allocated blocks takes 0.46 ms and 0.06 ms of CPU,
// against 4 ms and 2.7 ms through the page cache with fdatasync. Where that is refused, the file is an ordinary one and syncs cost as usual.
import * as fs from 'node:fs';
import * as fsp from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lockFolder } from './folder-lock.ts';
import { largeFileBytes, removeGradually } from './gradual-removal.ts';
import { errorOfSystem } from './node-errors.ts';
import { NodeFile, type OpenFiles } from './node-file.ts';
import { NodeLane } from './node-lane.ts';
import { directAlignment, type Disk, type DiskFile, type Lane, type OpenOptions, type SharedBytes } from './ports.ts';

const open = promisify(fs.open);
const { O_CREAT, O_RDONLY, O_RDWR, O_DIRECT, O_DSYNC } = fs.constants;
const wasmPageBytes = 65536;

/** What is used of the engine's WebAssembly: the types of Node do not name it. */
declare const WebAssembly: { Memory: new (size: { initial: number; maximum: number; shared: true }) => { readonly buffer: SharedArrayBuffer } };

/** Files below `root` on the real file system. The root is made on first use. */
export class NodeDisk implements Disk {
  readonly root: string;
  /** For trying whether a direct file works. */
  #page: SharedBytes | null = null;
  /** What is open, by path. */
  readonly #open = new Map<string, OpenFiles>();

  constructor(root: string) { this.root = resolve(root); }

  async open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    const flags = options.readOnly ? O_RDONLY : options.create ? O_RDWR | O_CREAT : O_RDWR;
    if (options.direct && !options.readOnly && O_DIRECT !== undefined) {
      const file = await this.#openDirect(path, flags);
      if (file !== null) return file;
    }
    return this.#run('open', path, async () => new NodeFile(path, await open(this.#at(path), flags, 0o644), false, this.#openFiles(path)));
  }

  /** Null where the file system does not write past its cache: some say so at the open, some at the first write. */
  async #openDirect(path: string, flags: number): Promise<NodeFile | null> {
    let fd = -1;
    try {
      fd = await open(this.#at(path), flags | O_DIRECT | O_DSYNC, 0o644);
      this.#page ??= this.allocate(directAlignment);
      if (fs.fstatSync(fd).size === 0) {
        fs.writeSync(fd, this.#page, 0, directAlignment, 0);
        fs.ftruncateSync(fd, 0);
      } else {
        fs.readSync(fd, this.#page, 0, directAlignment, 0);
        this.#page.fill(0);
      }
      return new NodeFile(path, fd, true, this.#openFiles(path));
    } catch (error) {
      if (fd >= 0) fs.closeSync(fd);
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return null;
      throw errorOfSystem(error, 'open', path);
    }
  }

  async list(path: string): Promise<{ name: string; kind: 'file' | 'folder'; bytes: number }[]> {
    let entries: fs.Dirent[];
    try {
      entries = await fsp.readdir(this.#at(path), { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw errorOfSystem(error, 'list', path);
    }
    const found: { name: string; kind: 'file' | 'folder'; bytes: number }[] = [];
    for (const entry of entries) {
      const folder = entry.isDirectory();
      const stat = folder ? null : await fsp.stat(join(this.#at(path), entry.name)).catch(() => null);
      found.push({ name: entry.name, kind: folder ? 'folder' : 'file', bytes: stat?.size ?? 0 });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeFolder(path: string): Promise<void> {
    await this.#run('make folder', path, () => fsp.mkdir(this.#at(path), { recursive: true }));
  }

  async remove(path: string): Promise<void> {
    await this.#run('remove', path, async () => {
      for (const file of await this.#largeFiles(path)) {
        if (!this.#open.has(file)) await removeGradually(this.#at(file), () => this.#open.has(file)).catch(() => {}); // what does not go so is removed below, or says why not
      }
      await fsp.rm(this.#at(path), { recursive: true, force: true });
    });
  }

  /** Of a file or a folder those whose blocks are not freed in a moment. */
  async #largeFiles(path: string): Promise<string[]> {
    const stat = await fsp.lstat(this.#at(path)).catch(() => null);
    if (stat?.isFile()) return stat.size >= largeFileBytes ? [path] : [];
    if (!stat?.isDirectory()) return [];
    return (await this.list(path)).filter(({ kind, bytes }) => kind === 'file' && bytes >= largeFileBytes).map(({ name }) => `${path}/${name}`);
  }

  #openFiles(path: string): OpenFiles {
    let files = this.#open.get(path);
    if (files === undefined) this.#open.set(path, files = { path, count: 0, none: (gone) => { if (this.#open.get(gone.path) === gone) this.#open.delete(gone.path); } });
    return files;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#run('rename', from, () => fsp.rename(this.#at(from), this.#at(to)));
    const files = this.#open.get(from);
    this.#open.delete(from);
    this.#open.delete(to); // what is open under that name has none any more
    if (files !== undefined) this.#open.set(files.path = to, files);
  }

  async syncFolder(path: string): Promise<void> {
    await this.#run('sync folder', path, async () => {
      const folder = await fsp.open(this.#at(path), O_RDONLY);
      try { await folder.sync(); } finally { await folder.close(); }
    });
  }

  async freeBytes(): Promise<number> {
    return this.#run('measure', '.', async () => {
      const stat = await fsp.statfs(fs.existsSync(this.root) ? this.root : dirname(this.root));
      return stat.bavail * stat.bsize;
    });
  }

  /** Shared WebAssembly memory: the one way here to shared memory that begins on a page. */
  allocate(bytes: number): SharedBytes {
    const pages = Math.max(1, Math.ceil(bytes / wasmPageBytes));
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return new Uint8Array(memory.buffer, 0, bytes);
  }

  async openLane(): Promise<Lane> { return NodeLane.open(); }

  async lock(): Promise<{ release(): Promise<void> }> {
    await this.makeFolder('.');
    return lockFolder(this.root);
  }

  #at(path: string): string { return join(this.root, path); }

  async #run<T>(action: string, path: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw errorOfSystem(error, action, path);
    }
  }
}
