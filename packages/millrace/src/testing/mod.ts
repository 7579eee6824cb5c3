// testing/mod.ts - the door of the simulator: fakes of the machine over one seed, for our own tests and for users'.
export { FakeClock, FakeTime, epochMs, type RunBounds, type RunEnd } from './fake-clock.ts';
export { FakeRandom, prng } from './fake-random.ts';
export { FakeProcess } from './fake-process.ts';
export { FakeDevice, type CutReport } from './fake-device.ts';
export { FakeDisk } from './fake-disk.ts';
export type { DiskFaults, DiskStep } from './disk-faults.ts';
export { FakeNet, type NetEvent, type NetFaults } from './fake-net.ts';
export { World, type Hosted } from './world.ts';
export { testMillrace, type TestMillrace, type TestMillraceOptions } from './test-millrace.ts';
export { faultPlans } from './fault-plans.ts';
