// The machine's own clock and networks keep their contracts.
import { clockContract } from './clock-contract.ts';
import { memoryNet, nodeClock, nodeNet } from './mod.ts';
import { netContract } from './net-contract.ts';

const pass = <T>(until: Promise<T>): Promise<T> => until;

clockContract('node clock', () => ({ clock: nodeClock(), pass }));
netContract('node net', () => ({ net: nodeNet(), host: '127.0.0.1', clock: nodeClock(), pass }));
netContract('memory net', () => ({ net: memoryNet(nodeClock()), host: 'localhost', clock: nodeClock(), pass }));
