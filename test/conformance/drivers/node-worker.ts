// test/conformance/drivers/node-worker.ts - a Node client's group members in a process of their own, so that one can vanish as a crash would have it.
// Owns: the operations member.* of the workers' protocol (test/peers/worker.ts), done by a driver. Run with the client's name and the broker's address.

import { createInterface } from 'node:readline';
import type { JoinRequest, Member } from '../driver.ts';
import { kafkajsDriver } from './kafkajs.ts';
import { platformaticDriver } from './platformatic.ts';
import { toWireReceived } from './worker.ts';

const [name, bootstrap] = process.argv.slice(2) as [string, string];
const driver = name === 'kafkajs' ? kafkajsDriver(bootstrap) : platformaticDriver(bootstrap);
const members = new Map<number, Member>();

const operations: Record<string, (args: { member: number; request: JoinRequest }) => Promise<unknown>> = {
  'member.join': async ({ request }) => {
    const member = members.size + 1;
    members.set(member, await driver.join(request));
    return { member };
  },
  'member.state': async ({ member }) => {
    const state = await members.get(member)!.state();
    return { ...state, received: state.received.map(toWireReceived), failure: null };
  },
  'member.commit': ({ member }) => members.get(member)!.commit(),
  'member.leave': ({ member }) => members.get(member)!.leave(),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, op, args } = JSON.parse(line);
  operations[op]!(args).then(
    (ok) => { process.stdout.write(JSON.stringify({ id, ok }) + '\n'); },
    (error: Error & { code?: string }) => { process.stdout.write(JSON.stringify({ id, error: error.code ?? error.name, message: error.message }) + '\n'); },
  );
}).on('close', () => process.exit(0));
