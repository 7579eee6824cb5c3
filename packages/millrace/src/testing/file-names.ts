// testing/file-names.ts - the names of a simulated disk: folders and which file each path means, now and after a power cut.
// Owns: the visible and the durable tree. N1 A change of names is durable once the folder that holds the name was synced; a
// rename between folders needs both. N2 A power cut keeps, per folder, a prefix of its unsynced changes.
import type { FakeRandom } from './fake-random.ts';
import type { FileImage } from './file-image.ts';

/** What a path means. */
export type Entry = { readonly kind: 'folder' } | { readonly kind: 'file'; readonly image: FileImage };

interface NameChange { readonly folders: readonly string[]; readonly remove?: string; readonly put?: readonly [path: string, entry: Entry] }

/** Paths and their entries. The root folder is ''. */
export class FileNames {
  readonly #visible = new Map<string, Entry>([['', { kind: 'folder' }]]);
  readonly #durable = new Map<string, Entry>([['', { kind: 'folder' }]]);
  #unsynced: NameChange[] = [];

  get(path: string): Entry | undefined { return this.#visible.get(path); }

  /** All files in order of their paths. */
  files(): [path: string, image: FileImage][] {
    const found: [string, FileImage][] = [];
    for (const [path, entry] of this.#visible) if (entry.kind === 'file') found.push([path, entry.image]);
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** The entries directly in a folder, sorted by name. */
  list(folder: string): [name: string, entry: Entry][] {
    const found: [string, Entry][] = [];
    for (const [path, entry] of this.#visible) {
      if (path !== '' && folderOf(path) === folder) found.push([path.slice(folder === '' ? 0 : folder.length + 1), entry]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  put(path: string, entry: Entry): void {
    this.#change({ folders: [folderOf(path)], put: [path, entry] });
  }

  remove(path: string): void {
    this.#change({ folders: [folderOf(path)], remove: path });
  }

  rename(from: string, to: string): void {
    const entry = this.#visible.get(from)!;
    this.#change({ folders: [...new Set([folderOf(from), folderOf(to)])], remove: from, put: [to, entry] });
  }

  /** Makes the folder's changes durable (N1), with everything in other folders that had to come first. */
  syncFolder(folder: string): void {
    const folders = new Set([folder]);
    const covered = new Set<NameChange>();
    for (const change of this.#unsynced.toReversed()) {
      const renamed = change.remove !== undefined && change.put !== undefined && folders.has(change.put[0]);
      if (!renamed && !change.folders.some((each) => folders.has(each))) continue;
      covered.add(change);
      for (const each of change.folders) folders.add(each); // a rename drags along what its other folder did before
      if (renamed) folders.add(change.remove!); // what happened inside before the folder had this name
    }
    for (const change of covered.size === 0 ? [] : this.#unsynced) if (covered.has(change)) apply(this.#durable, change);
    this.#unsynced = this.#unsynced.filter((change) => !covered.has(change));
  }

  /** A power cut (N2). Returns the number of changes lost. */
  cut(random: FakeRandom): number {
    const keep = random.pick([0, 0.5, 0.9, 1]);
    const stopped = new Set<string>();
    let lost = 0;
    for (const change of this.#unsynced) {
      const reachable = change.put === undefined || this.#durable.get(folderOf(change.put[0]))?.kind === 'folder';
      if (reachable && !change.folders.some((folder) => stopped.has(folder)) && random.chance(keep)) apply(this.#durable, change);
      else {
        for (const folder of change.folders) stopped.add(folder);
        lost++;
      }
    }
    this.#unsynced = [];
    this.#visible.clear();
    for (const path of this.#durable.keys()) if (!this.#reachable(path)) this.#durable.delete(path);
    for (const [path, entry] of this.#durable) this.#visible.set(path, entry);
    return lost;
  }

  #reachable(path: string): boolean {
    for (let at = path; at !== ''; at = folderOf(at)) if (this.#durable.get(folderOf(at))?.kind !== 'folder') return false;
    return true;
  }

  #change(change: NameChange): void {
    apply(this.#visible, change);
    this.#unsynced.push(change);
  }
}

/** The folder that holds a path; '' is the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

function apply(tree: Map<string, Entry>, change: NameChange): void {
  const moved = change.remove !== undefined && change.put !== undefined;
  if (change.remove !== undefined) {
    if (moved && change.put![1].kind === 'folder') moveBelow(tree, change.remove, change.put![0]);
    tree.delete(change.remove);
  }
  if (change.put !== undefined) tree.set(change.put[0], change.put[1]);
}

/** A renamed folder takes its content along. */
function moveBelow(tree: Map<string, Entry>, from: string, to: string): void {
  for (const [path, entry] of [...tree]) {
    if (!path.startsWith(`${from}/`)) continue;
    tree.delete(path);
    tree.set(to + path.slice(from.length), entry);
  }
}
