// tools/installed.cjs FOLDER - exit code 0 when node_modules holds what package-lock.json says, 1 when an install is needed.
// Owns: that comparison, so that a touched lock file does not cost an install. Runs on any Node: it is asked before ours is there.
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const folder = process.argv[2] ?? '.';
const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8')).packages;

/** Packages that the lock names and that are missing or of another version; what is optional may be missing. */
function differences(wanted, found) {
  return Object.entries(wanted).filter(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return false;
    const there = found[path];
    if (there === undefined) return entry.optional !== true && entry.devOptional !== true && entry.peer !== true;
    return there.version !== entry.version || !existsSync(join(folder, path));
  });
}

try {
  process.exitCode = differences(read('package-lock.json'), read('node_modules/.package-lock.json')).length === 0 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
