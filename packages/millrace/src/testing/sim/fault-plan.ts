// testing/sim/fault-plan.ts - what goes wrong in one seed: drawn before the run, so that a seed's plan can be read.
// Owns: the choice. The simulations carry it out.
import type { DiskStep } from '../disk-faults.ts';
import type { FakeRandom } from '../fake-random.ts';

/** Which kind of file a path of a data folder is, for places where faults are met. */
export function fileKind(path: string): string {
  if (path === '' || path === '.') return 'root folder';
  if (path === 'journal') return 'journal folder';
  if (path.endsWith('.journal')) return 'journal';
  if (path.startsWith('manifest')) return 'manifest';
  if (path.startsWith('format')) return 'format file';
  const dot = path.lastIndexOf('.');
  return dot > path.lastIndexOf('/') ? path.slice(dot) : 'partition folder';
}

/** How one life of the node ends. */
export type LifeEnd =
  | { readonly kind: 'close' }
  /** Killed at the nth step of the drive of this kind on a file of this kind ('' for any). */
  | { readonly kind: 'kill'; readonly step: DiskStep['kind'] | 'any'; readonly file: string; readonly nth: number; readonly power: 'stays' | 'cut' };

/** A fault of the drive during one life. */
export type DriveFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'full'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'sync fails once'; readonly atMs: number }
  | { readonly kind: 'sync fails always'; readonly atMs: number }
  | { readonly kind: 'read fails'; readonly atMs: number; readonly reads: number }
  | { readonly kind: 'slow'; readonly latencyMs: number; readonly stallChance: number; readonly stallMs: number };

/** One life: how long at most, what goes wrong, how it ends. */
export interface LifePlan { readonly maxMs: number; readonly drive: DriveFault; readonly end: LifeEnd }

/** A seed's plan. `flipBits` bits are flipped once, before the last life. */
export interface FaultPlan { readonly lives: readonly LifePlan[]; readonly flipBits: number }

const killSteps = [
  'any', 'any', 'any', 'open .log', 'open journal', 'create .log', 'create .index', 'create .timeindex', 'create journal', 'write .log', 'write .index', 'write .timeindex', 'write journal', 'write manifest',
  'lane-write journal', 'lane-write journal', 'lane-write .log', 'lane-sync journal', 'lane-sync .log', 'sync journal', 'sync manifest', 'sync .log', 'sync .index', 'truncate .timeindex', 'truncate .index', 'truncate .log',
  'make-folder partition folder', 'remove .log', 'remove .index', 'remove partition folder', 'rename manifest', 'sync-folder root folder', 'sync-folder journal folder', 'sync-folder partition folder',
] as const;

/** Draws a plan. */
export function drawPlan(random: FakeRandom, lifeMaxMs: number): FaultPlan {
  const lives = Array.from({ length: random.between(2, 5) }, () => drawLife(random, lifeMaxMs));
  return { lives, flipBits: random.chance(0.2) ? 1 : 0 };
}

function drawLife(random: FakeRandom, lifeMaxMs: number): LifePlan {
  return { maxMs: random.between(lifeMaxMs / 20, lifeMaxMs), drive: drawDriveFault(random, lifeMaxMs), end: drawEnd(random) };
}

function drawEnd(random: FakeRandom): LifeEnd {
  if (random.chance(0.1)) return { kind: 'close' };
  const place = random.pick(killSteps);
  const space = place === 'any' ? place.length : place.indexOf(' ');
  const step = place.slice(0, space) as DiskStep['kind'] | 'any';
  const nth = Math.ceil(random.exponential(step === 'any' ? 200 : step.startsWith('lane') ? 20 : 3));
  return { kind: 'kill', step, file: place.slice(space + 1), nth, power: random.chance(0.6) ? 'cut' : 'stays' };
}

function drawDriveFault(random: FakeRandom, lifeMaxMs: number): DriveFault {
  const atMs = random.below(lifeMaxMs / 2);
  switch (random.pick(['none', 'none', 'none', 'full', 'full', 'sync fails once', 'sync fails always', 'read fails', 'slow', 'slow'] as const)) {
    case 'none': return { kind: 'none' };
    case 'full': return { kind: 'full', atMs, forMs: random.between(10, 2000) };
    case 'sync fails once': return { kind: 'sync fails once', atMs };
    case 'sync fails always': return { kind: 'sync fails always', atMs };
    case 'read fails': return { kind: 'read fails', atMs, reads: random.between(1, 3) };
    case 'slow': return { kind: 'slow', latencyMs: random.pick([0.05, 2, 20]), stallChance: random.pick([0, 0.01, 0.05]), stallMs: random.between(100, 3000) };
  }
}
