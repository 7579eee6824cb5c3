// test/crash/power-cut.ts - what a power cut at one place of a recording leaves, as a folder of real files.
// Owns: replaying a recording into a simulated drive, cutting it, writing the rest out. Never: recording (RecordingDisk of os).
// P1 A change that ended and was synced is kept; every other one is lost, kept, torn or reordered by chance.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DiskAction, TraceEntry } from '../../packages/millrace/src/os/recording-disk.ts';
import type { FileImage } from '../../packages/millrace/src/testing/file-image.ts';
import { FakeDevice, prng } from '../../packages/millrace/src/testing/mod.ts';

/** Writes into `folder` what is left when the power goes after the first `at` entries of the recording. */
export function cutPowerAt(recorded: readonly TraceEntry[], at: number, seed: number, folder: string): void {
  const device = new FakeDevice(prng(seed));
  const begun = new Map<number, Begun>();
  const direct = new Set<string>();
  for (const entry of recorded.slice(0, at)) {
    if (entry.kind === 'begin') begun.set(entry.id, begin(device, direct, entry.action));
    else if (entry.kind === 'end' && !entry.failed) begun.get(entry.id)!.end();
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

function begin(device: FakeDevice, direct: Set<string>, action: DiskAction): Begun {
  const { names } = device;
  const image = () => {
    const entry = names.get(action.path);
    return entry?.kind === 'file' ? entry.image : undefined; // a removed file may still be open
  };
  switch (action.kind) {
    case 'open':
      if (action.create && names.get(action.path) === undefined) device.create(action.path);
      if (action.syncsEachWrite) direct.add(action.path);
      return nothing;
    case 'makeFolder':
      if (inside(action.path) !== '' && names.get(action.path) === undefined) names.put(action.path, { kind: 'folder' });
      return nothing;
    case 'remove': return remove(device, action.path);
    case 'rename':
      names.rename(action.path, action.to);
      return nothing;
    case 'syncFolder': return { end: () => names.syncFolder(inside(action.path)) };
    case 'write':
      image()?.write(action.position, action.bytes);
      return direct.has(action.path) ? sync(image()) : nothing;
    case 'truncate':
      image()?.truncate(action.bytes);
      return nothing;
    case 'sync': return sync(image());
  }
}

/** Covers what was written until now, once it has ended. */
function sync(image: FileImage | undefined): Begun {
  if (image === undefined) return nothing;
  const mark = image.takeMark();
  return { end: () => image.sync(mark) };
}

function inside(path: string): string {
  return path === '.' ? '' : path;
}

function remove(device: FakeDevice, path: string): Begun {
  const { names } = device;
  if (names.get(path) === undefined) return nothing;
  for (const [name] of names.list(path)) remove(device, `${path}/${name}`);
  names.remove(path);
  return nothing;
}
