// node/start.ts - startNode(): a whole node inside a program, on the thread where it belongs.
// N1 The user's code never shares a thread with a log on disk: such a node runs on a worker thread and is reached over the loopback.
// N2 A node in memory or on a simulated machine runs on the caller's thread, is reached without sockets, and ends with the process.
import { MemoryDisk, memoryNet, nodeClock, nodeMachine, nodeNet, nodeRandom, type Machine, type Net } from '../os/mod.ts';
import { nodeOn } from './face.ts';
import type { Node, NodeOptions } from './options.ts';
import { runNode } from './run-node.ts';

/**
 * Starts a node. Rejects 'data-folder-locked', 'data-folder-newer', 'data-damaged', 'disk-full' for its folder, 'invalid-argument' for
 * an address that is taken or configuration that does not exist.
 * @example
 * await using node = await startNode();
 * await using client = await connect(node);
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  if (options.machine !== undefined) return nodeOn(options.machine, await runNode(options.machine, options));
  if (options.data === undefined) return startInMemory(options);
  if (options.thread !== 'caller') {
    const { startOnThread } = await import('./own-thread.ts');
    return startOnThread({ ...options, data: options.data });
  }
  const machine = nodeMachine(options.data);
  return nodeOn(machine, await runNode(machine, options));
}

/** Files in memory; sockets for whoever comes from outside, and a way in without them for clients of this program. */
async function startInMemory(options: NodeOptions): Promise<Node> {
  const clock = nodeClock();
  const random = nodeRandom();
  const inside = memoryNet(clock);
  const machine: Machine = { disk: new MemoryDisk(), clock, random, net: bothNets(nodeNet(), inside) };
  return nodeOn(machine, await runNode(machine, options));
}

/** Listens on both, at the same port, and dials inside; with TLS all goes outside, so that nobody comes in past a certificate. */
function bothNets(outside: Net, inside: Net): Net {
  return {
    isReal: true,
    async listen(address, onConnection) {
      const outer = await outside.listen(address, onConnection);
      if (address.tls !== undefined) return outer;
      const inner = await inside.listen({ host: address.host, port: outer.port }, onConnection);
      return { host: outer.host, port: outer.port, reload: async () => {}, async close() { await Promise.all([outer.close(), inner.close()]); } };
    },
    connect: (address) => (address.tls === undefined ? inside : outside).connect(address),
  };
}
