// testing/disk-faults.ts - what a simulated disk can be told to do wrong, and how long its calls take.
// Owns: the switches. The device (fake-device.ts) obeys them; a simulation turns them.

/** Turned by the simulation, read by the device at each call. All are off at first. */
export interface DiskFaults {
  /** Room for file bytes; a write past it stops there with 'disk-full'. */
  capacityBytes: number;
  /** How the next syncs end: each 'fail' in the list fails one; `syncsFailAlways` fails all. */
  syncsToFail: number;
  syncsFailAlways: boolean;
  /** Reads that end in 'storage-failed'. */
  readsToFail: number;
  /** Mean latency of a call in virtual ms. */
  latencyMs: number;
  /** Chance that a call stalls, and for how long. */
  stallChance: number;
  stallMs: number;
}

/** A healthy disk with latencies of a fast SSD. */
export function noDiskFaults(): DiskFaults {
  return {
    capacityBytes: Infinity, syncsToFail: 0, syncsFailAlways: false, readsToFail: 0,
    latencyMs: 0.1, stallChance: 0, stallMs: 0,
  };
}

/** A step of the device, told to `onStep` before it happens: the places where a simulation may kill or look. */
export interface DiskStep {
  readonly kind: 'open' | 'read' | 'write' | 'truncate' | 'sync' | 'lane-write' | 'lane-sync' | 'create' | 'make-folder' | 'remove' | 'rename' | 'sync-folder';
  readonly path: string;
  readonly bytes: number;
}

/** A fault that struck. */
export type DiskFault = 'disk full' | 'sync fails' | 'read fails' | 'stall';
