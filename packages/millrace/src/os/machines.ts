// os/machines.ts - the ports put together: the real machine below a folder, and one that keeps its files in memory.
import { memoryNet } from './memory-net.ts';
import { MemoryDisk } from './memory-disk.ts';
import { nodeClock } from './node-clock.ts';
import { NodeDisk } from './node-disk.ts';
import { nodeNet } from './node-net.ts';
import { nodeRandom } from './node-random.ts';
import { nodeThreads } from './node-threads.ts';
import type { Machine } from './ports.ts';

/** The real machine, with its files below `root`. @example const machine = nodeMachine('./data'); */
export function nodeMachine(root: string): Machine {
  return { disk: new NodeDisk(root), clock: nodeClock(), net: nodeNet(), random: nodeRandom(), threads: nodeThreads() };
}

/** Files and network in memory, the real time and chance: nothing outlives it, nothing outside reaches it. */
export function memoryMachine(): Machine {
  const clock = nodeClock();
  return { disk: new MemoryDisk(), clock, net: memoryNet(clock), random: nodeRandom() };
}
