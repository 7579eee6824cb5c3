// test/crash/power-cut.ts - what a power cut at one place of a recording leaves, as a folder of real files.
// Owns: replaying a recording into a simulated drive, cutting it, writing the rest out. Never: recording (recording-disk.ts).
// P1 A change that ended and was synced is kept; every other one is lost, kept, torn or reordered by chance.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FakeDevice, prng } from '../../packages/millrace/src/testing/mod.ts';
import type { Change, Recorded } from './recording-disk.ts';

/** Writes into `folder` what is left when the power goes after the first `at` entries of the recording. */
export function cutPowerAt(recorded: readonly Recorded[], at: number, seed: number, folder: string): void {
  const device = new FakeDevice(prng(seed));
  const begun = new Map<number, Begun>();
  for (const entry of recorded.slice(0, at)) {
    if (entry.kind === 'begin') begun.set(entry.id, begin(device, entry.change));
    else begun.get(entry.id)!.end();
  }
  device.cutPower();
  for (const [path, image] of device.names.files()) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), image.view());
  }
}

/** A change that began; `end` makes of it what its confirmation means. */
interface Begun { end(): void }

const nothing: Begun = { end() {} };

function begin(device: FakeDevice, change: Change): Begun {
  const { names } = device;
  const inside = (path: string) => (path === '.' ? '' : path);
  switch (change.kind) {
    case 'create':
      if (names.get(change.path) === undefined) device.create(change.path);
      return nothing;
    case 'make-folder':
      if (inside(change.path) !== '' && names.get(change.path) === undefined) names.put(change.path, { kind: 'folder' });
      return nothing;
    case 'remove': return remove(device, change.path);
    case 'rename':
      names.rename(change.path, change.to);
      return nothing;
    case 'sync-folder': return { end: () => names.syncFolder(inside(change.path)) };
    case 'write': {
      const entry = names.get(change.path);
      if (entry?.kind !== 'file') return nothing; // removed meanwhile, while it was still open
      entry.image.write(change.position, change.bytes);
      return change.direct ? { end: () => entry.image.sync(entry.image.takeMark()) } : nothing;
    }
    case 'truncate': {
      const entry = names.get(change.path);
      if (entry?.kind === 'file') entry.image.truncate(change.size);
      return nothing;
    }
    case 'sync': {
      const entry = names.get(change.path);
      if (entry?.kind !== 'file') return nothing;
      const mark = entry.image.takeMark();
      return { end: () => entry.image.sync(mark) };
    }
  }
}

function remove(device: FakeDevice, path: string): Begun {
  const { names } = device;
  if (names.get(path) === undefined) return nothing;
  for (const [name] of names.list(path)) remove(device, `${path}/${name}`);
  names.remove(path);
  return nothing;
}
