// tools/launch.mjs - what the script `millrace` runs: the command line from its bundle, or from the sources when there is no bundle of them.
// Owns: that choice. Never: how a bundle is made (bundle.ts). JavaScript, so that nothing has to be stripped from it.
// L1 A bundle runs only if every file that went into it is the same file still: inode, size, time of change (which no program can set back).
// L2 Whatever is wrong with bundles (a folder that may not be written, no bundler, a source that does not parse), the sources run.
// Cost: 5 to 9 ms of CPU to look at 250 files (measured; joining their paths took twice that); once after a change 0.4 s to bundle them.
// MILLRACE_BUNDLE=off runs the sources: stacks name them.
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const home = dirname(import.meta.dirname);
const folder = join(home, '.millrace/bundle');
const sources = join(home, 'packages/millrace/src/cli/main.ts');

const main = process.env.MILLRACE_BUNDLE === 'off' ? sources : currentBundle() ?? newBundle() ?? sources;
await import(pathToFileURL(main).href);

/** The bundle of the sources as they are now (L1). */
function currentBundle() {
  try {
    const { name, files } = JSON.parse(readFileSync(join(folder, 'current.json'), 'utf8'));
    const main = join(folder, name, 'main.js');
    return files.every(isUnchanged) && existsSync(main) ? main : undefined;
  } catch {
    return undefined;
  }
}

function isUnchanged(stamp) {
  const now = statSync(home + stamp.path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === stamp.ino && now.size === stamp.size && now.mtimeMs === stamp.mtimeMs && now.ctimeMs === stamp.ctimeMs;
}

/** Bundles, where that can be done (L2). In a process of its own: its memory is not ours. */
function newBundle() {
  try {
    accessSync(join(home, '.millrace'), constants.W_OK);
    if (!existsSync(join(home, 'node_modules/esbuild'))) return undefined;
    const { spawnSync } = process.getBuiltinModule('node:child_process');
    return spawnSync(process.execPath, [join(home, 'tools/bundle.ts')], { stdio: 'ignore', timeout: 30_000 }).status === 0 ? currentBundle() : undefined;
  } catch {
    return undefined;
  }
}
