// The machine's own clock and networks keep their contracts.
import { clockContract } from './clock-contract.ts';
import { memoryNet, nodeClock, nodeNet } from './mod.ts';
import { netContract } from './net-contract.ts';

const pass = <T>(until: Promise<T>): Promise<T> => until;

/** Computes for that long. */
function holdUp(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

clockContract('node clock', () => ({ clock: nodeClock(), pass, holdUp }));
netContract('node net', () => ({ net: nodeNet(), host: '127.0.0.1', clock: nodeClock(), pass }));
netContract('memory net', () => ({ net: memoryNet(nodeClock()), host: 'localhost', clock: nodeClock(), pass }));
