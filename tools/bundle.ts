// tools/bundle.ts - the command line in few files instead of 250: finding and linking a module costs more than running it.
// Usage: node tools/bundle.ts    bundles this checkout into .millrace/bundle/ for tools/launch.mjs
// Owns: what is bundled and how, and the stamp that says from which files. Never: when (launch.mjs, pack.ts).
// U1 The same code runs as from the sources: nothing is renamed away, minified or lowered, and `import.meta` means the source's own place.
// U2 A stamp is written only if no file changed since before the build began, so that equal times and sizes mean equal contents.
// U3 A finished bundle never changes: a process that runs from it finds its parts, also those that it loads late.
// Cost: 0.4 s, of which two thirds are the start of Node and esbuild.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { build } from 'esbuild';
import { repository } from './source.ts';

/** What a bundle is made of. */
export interface BundleOptions {
  /** The module to run. Its bundled form has the same name, ending in `.js`. */
  readonly entry: string;
  /** Our own modules lie under here: their `import.meta` is kept right. */
  readonly sources: string;
  /** Where the bundle will lie when it runs. All its files are in this one folder. */
  readonly place: string;
  /** Threads of their own, bundled as well: the module that each begins with, and the one that starts it by a URL beside its own. */
  readonly threads?: readonly { readonly entry: string; readonly startedBy: string }[];
  /** Packages that are bundled too; all others stay outside, loaded by their names. */
  readonly packages?: readonly string[];
}

/** One file of a bundle. */
export interface BundleFile { readonly name: string; readonly contents: Uint8Array }

/** Bundles in memory; resolves to the files and the paths of everything that went in. Rejects with what esbuild said. */
export async function bundle({ entry, sources, place, threads = [], packages = [] }: BundleOptions): Promise<{ files: BundleFile[]; inputs: string[] }> {
  const absWorkingDir = dirname(sources);
  const { outputFiles, metafile } = await build({
    entryPoints: [entry, ...threads.map((thread) => thread.entry)], entryNames: '[name]', outdir: place, absWorkingDir, write: false, metafile: true, logLevel: 'silent',
    bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'esnext', tsconfigRaw: {},
    plugins: [{
      name: 'millrace',
      setup(hooks) {
        hooks.onResolve({ filter: /^[^./]/ }, ({ path }) => (packages.includes(path) ? undefined : { path, external: true }));
        hooks.onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
          if (!path.startsWith(sources) || threads.some(({ startedBy }) => startedBy === path)) return undefined;
          return { contents: withPlace(readFileSync(path, 'utf8'), path, place), loader: path.endsWith('.ts') ? 'ts' : 'js' };
        });
      },
    }],
  });
  return { files: outputFiles.map(({ path, contents }) => ({ name: relative(place, path), contents })), inputs: Object.keys(metafile.inputs).map((input) => join(absWorkingDir, input)) };
}

/** U1: says `import.meta` of a source as seen from the bundle. */
function withPlace(text: string, path: string, place: string): string {
  const here = relative(place, path).split(sep).join('/');
  const from = (what: string) => `(import.meta.dirname + ${JSON.stringify(`/${what}`)})`;
  return text.replaceAll(/\bimport\.meta\.(\w+)/g, (said, property) => {
    switch (property) {
      case 'url': return `new URL(${JSON.stringify(here)}, import.meta.url).href`;
      case 'dirname': return from(dirname(here));
      case 'filename': return from(here);
      default: throw new Error(`Cannot bundle '${path}': nothing is known of ${said}`);
    }
  });
}

/** Older bundles that are kept for processes that still run from them. */
const bundlesKept = 8;
/** No build takes as long. */
const draftMsMax = 600_000;

/**
 * Bundles the command line of the checkout and points the stamp at it; resolves to false when sources changed meanwhile (U2).
 * Several processes may do it at once: each writes its own folder, and the last stamp counts.
 */
export async function bundleCheckout(root = repository): Promise<boolean> {
  const folder = join(root, '.millrace/bundle');
  const draft = join(folder, `draft-${process.pid}-${Date.now()}`);
  mkdirSync(draft, { recursive: true });
  try {
    const beganMs = statSync(draft).mtimeMs; // by the clock that stamps the sources
    const sources = join(root, 'packages/millrace/src');
    const lane = { entry: join(sources, 'os/lane-thread.ts'), startedBy: join(sources, 'os/node-lane.ts') };
    const cleaner = { entry: join(sources, 'log/compaction/compaction-thread.ts'), startedBy: join(sources, 'log/compaction/open-cleaner.ts') };
    const { files, inputs } = await bundle({ entry: join(sources, 'cli/main.ts'), sources, place: draft, threads: [lane, cleaner], packages: ['commander'] });
    const stamps = [...inputs, import.meta.filename, join(root, 'package-lock.json')].map((path) => stampOf(root, path));
    if (stamps.some((stamp) => stamp === null || isRecent(stamp.ctimeMs, beganMs))) return false;
    for (const { name, contents } of files) writeFileSync(join(draft, name), contents);
    const name = createHash('sha256').update(JSON.stringify(files.map((file) => [file.name, Buffer.from(file.contents).toString()]))).digest('hex').slice(0, 16);
    keep(draft, join(folder, name));
    writeFileSync(`${draft}.json`, JSON.stringify({ name, files: stamps }));
    renameSync(`${draft}.json`, join(folder, 'current.json'));
    discardOld(root, folder);
    return true;
  } finally {
    for (const path of [draft, `${draft}.json`]) rmSync(path, { recursive: true, force: true });
  }
}

/** Gives the draft its name, unless the same bundle is there from before or from another process: then that one counts as new. */
function keep(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
    utimesSync(path, new Date(), new Date());
  }
}

/** How launch.mjs knows a file again; the path is what follows the folder of the checkout. */
interface Stamp { readonly path: string; readonly ino: number; readonly size: number; readonly mtimeMs: number; readonly ctimeMs: number }

function stampOf(root: string, path: string): Stamp | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : { path: path.slice(root.length), ino: found.ino, size: found.size, mtimeMs: found.mtimeMs, ctimeMs: found.ctimeMs };
}

/** U2: another change could still get the same time, by the grain of the file system's clock. */
function isRecent(changedMs: number, beganMs: number): boolean {
  const grainMs = changedMs % 1000 === 0 ? 2000 : 50;
  return changedMs > beganMs - grainMs;
}

/** U3: keeps the newest, and no draft of a process that was killed. Compiled code of the discarded ones would pile up, so that cache begins anew. */
function discardOld(root: string, folder: string): void {
  const all = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ path: join(folder, name), isDraft: name.startsWith('draft-'), madeMs: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.madeMs - a.madeMs);
  for (const { path, isDraft, madeMs } of all) if (isDraft && madeMs < Date.now() - draftMsMax) rmSync(path, { recursive: true, force: true });
  const old = all.filter(({ isDraft }) => !isDraft).slice(bundlesKept);
  for (const { path } of old) rmSync(path, { recursive: true, force: true });
  if (old.length > 0) rmSync(join(root, '.millrace/compile-cache'), { recursive: true, force: true });
}

if (import.meta.main) process.exitCode = await bundleCheckout() ? 0 : 1;
