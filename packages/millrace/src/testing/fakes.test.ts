// The simulated machine passes the contracts of the real one.
import { clockContract } from '../os/clock-contract.ts';
import { diskContract } from '../os/disk-contract.ts';
import { netContract, noTlsContract, type NetUnderTest } from '../os/net-contract.ts';
import { World } from './mod.ts';

clockContract('fake clock', () => {
  const world = new World(1);
  const { clock } = world.start('process', 'host').process;
  return { clock, pass: (until) => world.time.settle(until), holdUp: (ms) => clock.holdUp({ ms, busyMs: ms / 2 }) };
});

const fakeNet = (): NetUnderTest => {
  const world = new World(2);
  const { machine } = world.start('process', 'host');
  return { net: machine.net, host: 'host', clock: machine.clock, pass: (until) => world.time.settle(until) };
};
netContract('fake net', fakeNet);
noTlsContract('fake net', fakeNet);

for (const takesDirect of [false, true]) {
  diskContract(`fake disk ${takesDirect ? 'that takes' : 'without'} direct files`, async () => {
    const world = new World(3);
    const device = world.device('drive');
    device.takesDirect = takesDirect;
    return { disk: world.start('process', 'host', device).machine.disk, pass: (until) => world.time.settle(until) };
  });
}
