// testing/sim/node/net-faults.ts - what the network does wrong during one life of the node.
// Owns: drawing it and carrying it out.
import type { FakeProcess } from '../../fake-process.ts';
import type { FakeRandom } from '../../fake-random.ts';
import type { World } from '../../world.ts';
import type { Coverage } from '../coverage.ts';

/** Turns the network's switches for a life that has begun; what is scheduled ends with the process. */
export function armNet(world: World, process: FakeProcess, random: FakeRandom, clientHosts: readonly string[], coverage: Coverage): void {
  const { net } = world;
  Object.assign(net.faults, {
    latencyMs: random.pick([0.05, 0.2, 2]),
    spikeChance: random.pick([0, 0, 0.02]), spikeMs: random.between(10, 1000),
    resetChance: random.pick([0, 0, 0.003, 0.02]),
    muteChance: random.pick([0, 0, 0.002]),
  });
  const partitions = random.pick([0, 0, 1, 3]);
  for (let i = 0; i < partitions; i++) {
    const host = random.pick(clientHosts);
    const atMs = random.below(2000);
    process.schedule(atMs, () => {
      world.trace(`partition ${host}`);
      coverage.met('network: partition', 'client and node');
      net.partition(host, 'broker');
    });
    process.schedule(atMs + random.between(10, 8000), () => net.heal(host, 'broker'));
  }
  if (random.chance(0.2)) {
    process.schedule(random.below(2000), () => {
      const ended = net.resetSome(0.5);
      world.trace(`reset ${ended} connections at once`);
      coverage.met('network: many resets', 'connections');
    });
  }
}

/** A healthy network again. */
export function disarmNet(world: World): void {
  Object.assign(world.net.faults, { latencyMs: 0.2, spikeChance: 0, spikeMs: 0, resetChance: 0, muteChance: 0 });
}
