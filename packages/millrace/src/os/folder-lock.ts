// os/folder-lock.ts - one process at a time in a data folder, by a file that names its owner.
// Owns: the file 'lock'. A lock whose process is gone (kill -9, power cut) is taken over. Never: waiting for a lock.
// The name appears with its content in one step (link of a finished file), so a reader never sees half a lock.
import { readFileSync } from 'node:fs';
import * as fsp from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../base/mod.ts';
import { errorOfSystem } from './node-errors.ts';

interface Owner { readonly pid: number; readonly startedAt: string }

let lockCount = 0;
/** Locks held by this process: the same process cannot be told from a stale owner by its number alone. */
const held = new Set<string>();

/** Takes the folder; rejects with 'data-folder-locked' naming the owner's pid. */
export async function lockFolder(root: string): Promise<{ release(): Promise<void> }> {
  const path = join(await fsp.realpath(root), 'lock');
  if (held.has(path)) throw locked(root, process.pid);
  held.add(path);
  const draft = `${path}.${process.pid}.${++lockCount}`;
  try {
    await fsp.writeFile(draft, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Owner));
    for (let attempt = 0; ; attempt++) {
      try {
        await fsp.link(draft, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw errorOfSystem(error, 'lock', root);
      }
      const owner = await readOwner(path);
      if (owner !== null && isAlive(owner)) throw locked(root, owner.pid);
      if (attempt > 10) throw locked(root, owner?.pid ?? 0);
      await takeAway(path, `${draft}.stale`, owner);
    }
  } catch (error) {
    held.delete(path);
    throw error;
  } finally {
    await fsp.rm(draft, { force: true });
  }
  return {
    async release() {
      if (held.delete(path)) await fsp.rm(path, { force: true });
    },
  };
}

/** Removes the stale lock, unless another process took it over in between: then its lock is put back. */
async function takeAway(path: string, aside: string, stale: Owner | null): Promise<void> {
  try {
    await fsp.rename(path, aside);
  } catch {
    return;
  }
  const moved = await readOwner(aside);
  if (moved !== null && (moved.pid !== stale?.pid || moved.startedAt !== stale.startedAt)) await fsp.link(aside, path).catch(() => {});
  await fsp.rm(aside, { force: true });
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    return JSON.parse(await fsp.readFile(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  // Our own number: a former owner that had it, or another thread of this process, which only its start can tell apart.
  if (owner.pid === process.pid) return owner.startedAt !== '' && owner.startedAt === startOf(owner.pid);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(owner.pid) === owner.startedAt && !isZombie(owner.pid);
}

/** When the process began, in the kernel's own words; empty where the system does not tell. Guards against reused numbers. */
function startOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${statOf(pid)[19]}`;
  } catch {
    return '';
  }
}

/** Has ended, and nobody has asked how yet: as it stays in a container whose first process reaps nobody. While one of its threads is still in a write it has not. */
function isZombie(pid: number): boolean {
  try {
    const stat = statOf(pid);
    return stat[0] === 'Z' && Number(stat[17]) <= 1;
  } catch {
    return false;
  }
}

/** Of /proc/PID/stat what stands behind the name: state first, threads at 17, start at 19. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function locked(root: string, pid: number): MillraceError {
  return new MillraceError('data-folder-locked', `Cannot open '${root}': process ${pid} is running on this folder`, { root, pid });
}
