// node/run-node.ts - a node on the thread that calls: log, broker and listeners put together.
// Owns: the order of starting and stopping. Never: which thread (start.ts).
import { KiB, MiB, type Report } from '../base/mod.ts';
import { Broker } from '../broker/mod.ts';
import { type CopySummary, openLog, type Log } from '../log/mod.ts';
import { type Listener, type Machine, NodeDisk } from '../os/mod.ts';
import type { NodeListener, NodeOptions, NodeStatus } from './options.ts';
import { noStalls, StallWatch } from './stall-watch.ts';

/** A node on this thread. */
export interface RunningNode {
  readonly broker: Broker;
  readonly log: Log;
  /** The first listener, as told to clients. */
  readonly host: string;
  readonly port: number;
  backup(folder: string): Promise<CopySummary>;
  status(): Promise<NodeStatus>;
  close(): Promise<void>;
}

const loopback = '127.0.0.1';
/** A node in memory is made for tests, by the hundred. */
const memorySizes = { tailBytes: 256 * KiB, journalFileBytes: 256 * KiB };
const diskSizes = { tailBytes: 64 * MiB, journalFileBytes: 64 * MiB };

/** Starts a node over `machine`. Rejects with what the log says of its folder, or 'invalid-argument' for addresses and configuration. */
export async function runNode(machine: Machine, options: NodeOptions): Promise<RunningNode> {
  const report: Report = (line, level = 'info') => options.onReport?.(line, level);
  const sizes = options.data === undefined ? memorySizes : diskSizes;
  const addresses: readonly NodeListener[] = [options, ...(options.listeners ?? [])];
  const log = await openLog({
    disk: machine.disk, clock: machine.clock, random: machine.random, onReport: report, ...(machine.threads === undefined ? {} : { threads: machine.threads }),
    tailBytes: options.tailBytes ?? sizes.tailBytes, journalFileBytes: options.journalFileBytes ?? sizes.journalFileBytes,
  });
  let broker: Broker | null = null;
  try {
    broker = await Broker.open({ log, machine, report, config: withAddresses(options.config ?? {}, addresses, machine), ...(options.onFatal ? { onFatal: options.onFatal } : {}) });
    const opened = broker;
    const listeners: Listener[] = [];
    for (const address of addresses) listeners.push(await opened.listen({ ...address, host: address.host ?? loopback, port: address.port ?? 0 }));
    // In memory the thread is the program's own, which may do what it likes.
    const stalls = options.data === undefined ? null : new StallWatch(machine.clock, report);
    const status = async (): Promise<NodeStatus> => ({ stalls: stalls?.figures ?? noStalls, connections: opened.connections });
    const close = async (): Promise<void> => {
      stalls?.close();
      await opened.close();
      await log.close();
    };
    const backup = (folder: string): Promise<CopySummary> => log.backup(new NodeDisk(folder));
    return { broker: opened, log, backup, status, host: addresses[0]!.advertisedHost ?? reachable(addresses[0]!.host), port: addresses[0]!.advertisedPort ?? listeners[0]!.port, close };
  } catch (error) {
    await broker?.close();
    await log.close();
    throw error;
  }
}

/** What tools ask the node about itself. */
function withAddresses(config: Readonly<Record<string, string>>, addresses: readonly NodeListener[], machine: Machine): Record<string, string> {
  const listeners = addresses.map(({ name, host, port }) => `${name ?? 'PLAINTEXT'}://${host ?? loopback}:${port ?? 0}`);
  const advertised = addresses.map(({ name, host, port, advertisedHost, advertisedPort }) => `${name ?? 'PLAINTEXT'}://${advertisedHost ?? host ?? loopback}:${advertisedPort ?? port ?? 0}`);
  return { listeners: listeners.join(','), 'advertised.listeners': advertised.join(','), 'log.dirs': machine.disk.root, ...config };
}

/** An address that a client of this machine can use for one that stands for all. */
function reachable(host: string | undefined): string {
  return host === undefined || host === '0.0.0.0' || host === '::' ? loopback : host;
}
