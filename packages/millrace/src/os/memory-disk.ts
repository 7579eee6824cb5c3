// os/memory-disk.ts - the Disk port in memory: for nodes that live inside a test or a program.
// Owns: files as chunks that grow with use; what is all zero and never written takes no room. Never: faults (the simulator's disk has them), persistence.
import { assert, copyBytes, MillraceError } from '../base/mod.ts';
import { directAlignment, type Disk, type DiskFile, type Lane, type LaneResult, type LaneStep, type OpenOptions, type SharedBytes } from './ports.ts';

const chunkBytes = 16384;
const zeros = new Uint8Array(chunkBytes);

/** The bytes of one file; outlives its names while it is open. */
class Content {
  readonly #chunks: (Uint8Array | undefined)[] = [];
  size = 0;

  read(into: Uint8Array, position: number): number {
    const bytes = Math.max(0, Math.min(into.length, this.size - position));
    for (let done = 0; done < bytes; ) {
      const at = (position + done) % chunkBytes;
      const count = Math.min(bytes - done, chunkBytes - at);
      const chunk = this.#chunks[Math.floor((position + done) / chunkBytes)];
      if (chunk === undefined) into.fill(0, done, done + count);
      else into.set(chunk.subarray(at, at + count), done);
      done += count;
    }
    return bytes;
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const index = Math.floor((position + done) / chunkBytes);
      const at = (position + done) % chunkBytes;
      const count = Math.min(bytes.length - done, chunkBytes - at);
      const piece = bytes.subarray(done, done + count);
      if (this.#chunks[index] !== undefined || Buffer.compare(piece, zeros.subarray(0, count)) !== 0) copyBytes(bytes, done, done + count, (this.#chunks[index] ??= new Uint8Array(chunkBytes)), at);
      done += count;
    }
    this.size = Math.max(this.size, position + bytes.length);
  }

  truncate(bytes: number): void {
    this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(bytes / chunkBytes));
    this.#chunks[Math.floor(bytes / chunkBytes)]?.fill(0, bytes % chunkBytes);
    this.size = bytes;
  }
}

/** Positions and lengths as a real direct file would demand them. */
function checkAligned(parts: readonly Uint8Array[], position: number): void {
  assert(position % directAlignment === 0 && parts.every((part) => part.length % directAlignment === 0), 'writes to a direct file are aligned');
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #content: Content;
  readonly #direct: boolean;
  #open = true;

  constructor(path: string, content: Content, direct: boolean) {
    this.path = path;
    this.#content = content;
    this.#direct = direct;
  }

  async size(): Promise<number> { return this.#use().size; }
  async read(into: Uint8Array, position: number): Promise<number> { return this.readSync(into, position); }
  readSync(into: Uint8Array, position: number): number { return this.#use().read(into, position); }
  async write(parts: readonly Uint8Array[], position: number): Promise<void> { this.writeSync(parts, position); }
  async truncate(bytes: number): Promise<void> { this.#use().truncate(bytes); }
  async sync(): Promise<void> { this.#use(); }
  async close(): Promise<void> { this.#open = false; }

  writeSync(parts: readonly Uint8Array[], position: number): void {
    const content = this.#use();
    if (this.#direct) checkAligned(parts, position);
    for (const part of parts) {
      content.write(part, position);
      position += part.length;
    }
  }

  #use(): Content {
    if (!this.#open) throw new MillraceError('closed', `Cannot use '${this.path}': the file is closed`);
    return this.#content;
  }
}

class MemoryLane implements Lane {
  #failure: Error | null = null;

  submit(steps: readonly LaneStep[], done: (error: Error | null, result: LaneResult) => void): void {
    queueMicrotask(() => {
      try {
        if (this.#failure === null) for (const step of steps) if (step.kind === 'write') (step.file as MemoryFile).writeSync(step.parts, step.position);
      } catch (error) {
        this.#failure = error as Error;
      }
      done(this.#failure, { writeMs: 0, syncMs: 0 });
    });
  }

  async close(): Promise<void> {}
}

/** Files in memory; everything is "durable" as long as the object lives, so a closed node can be opened again on it. */
export class MemoryDisk implements Disk {
  readonly root = 'memory';
  readonly #files = new Map<string, Content>();
  readonly #folders = new Set<string>();
  #locked = false;

  async open(path: string, options: OpenOptions = {}): Promise<DiskFile> {
    let content = this.#files.get(path);
    if (content === undefined) {
      if (!options.create) throw new MillraceError('not-found', `Cannot open '${path}': no such file`, { path });
      this.#files.set(path, (content = new Content()));
    }
    return new MemoryFile(path, content, options.direct === true && options.readOnly !== true);
  }

  async list(path: string): Promise<{ name: string; kind: 'file' | 'folder'; bytes: number }[]> {
    const prefix = path === '.' || path === '' ? '' : `${path}/`;
    const found = new Map<string, { name: string; kind: 'file' | 'folder'; bytes: number }>();
    const add = (full: string, bytes: number, isFile: boolean): void => {
      if (!full.startsWith(prefix)) return;
      const rest = full.slice(prefix.length);
      const slash = rest.indexOf('/');
      const name = slash < 0 ? rest : rest.slice(0, slash);
      if (slash < 0 && isFile) found.set(name, { name, kind: 'file', bytes });
      else if (name !== '') found.set(name, { name, kind: 'folder', bytes: 0 });
    };
    for (const folder of this.#folders) add(folder, 0, false);
    for (const [file, content] of this.#files) add(file, content.size, true);
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeFolder(path: string): Promise<void> { if (path !== '.') this.#folders.add(path); }

  async remove(path: string): Promise<void> {
    for (const name of [...this.#files.keys()]) if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name);
    for (const name of [...this.#folders]) if (name === path || name.startsWith(`${path}/`)) this.#folders.delete(name);
  }

  async rename(from: string, to: string): Promise<void> {
    const moved = (name: string): string | null => (name === from ? to : name.startsWith(`${from}/`) ? to + name.slice(from.length) : null);
    if (!this.#files.has(from) && !this.#folders.has(from)) throw new MillraceError('not-found', `Cannot rename '${from}': no such file`, { path: from });
    for (const [name, content] of [...this.#files]) {
      const target = moved(name);
      if (target !== null) { this.#files.delete(name); this.#files.set(target, content); }
    }
    for (const name of [...this.#folders]) {
      const target = moved(name);
      if (target !== null) { this.#folders.delete(name); this.#folders.add(target); }
    }
  }

  async syncFolder(): Promise<void> {}
  async freeBytes(): Promise<number> { return Number.MAX_SAFE_INTEGER; }
  allocate(bytes: number): SharedBytes { return new Uint8Array(bytes); }
  async openLane(): Promise<Lane> { return new MemoryLane(); }

  async lock(): Promise<{ release(): Promise<void> }> {
    if (this.#locked) throw new MillraceError('data-folder-locked', `Cannot open '${this.root}': another node is running on this folder`, { root: this.root, pid: process.pid });
    this.#locked = true;
    return { release: async () => { this.#locked = false; } };
  }
}
