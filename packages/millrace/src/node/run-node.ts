// node/run-node.ts - a node on the thread that calls: log, broker and listeners put together.
// Owns: the order of starting and stopping. Never: which thread (start.ts).
import { KiB, MiB, reportAs, type Report } from '../base/mod.ts';
import { Broker, type ListenOptions, type FaultReport, type Validator, type WorldCommand } from '../broker/mod.ts';
import { type CopySummary, openLog, type Log } from '../log/mod.ts';
import { type Listener, type Machine, NodeDisk } from '../os/mod.ts';
import { openDoorOf, type Watched } from './metrics/door.ts';
import { noProcessFigures, processFigures } from './metrics/process-figures.ts';
import { scrapeText } from './metrics/scrape.ts';
import type { MetricsOptions, NodeListener, NodeOptions, NodeStatus } from './options.ts';
import { readinessOf } from './readiness.ts';
import { noStalls, StallWatch } from './stall-watch.ts';
import { changeUsers, type NodeUser, type UsersChange } from './users.ts';
import { packageVersion } from './version.ts';

/** A node on this thread. */
export interface RunningNode {
  readonly broker: Broker;
  readonly log: Log;
  /** The first listener, as told to clients. */
  readonly host: string;
  readonly port: number;
  /** Whether the first listener does. */
  readonly speaksTls: boolean;
  /** Ports of all listeners, in their order. */
  readonly ports: readonly number[];
  backup(folder: string): Promise<CopySummary>;
  users(change?: UsersChange): Promise<NodeUser[]>;
  /** Carries out a command to the node's world. */
  play(command: WorldCommand): Promise<FaultReport>;
  status(): Promise<NodeStatus>;
  metrics(options?: MetricsOptions): Promise<string>;
  readonly metricsUrl: string | null;
  close(): Promise<void>;
}

const loopback = '127.0.0.1';
/** A node in memory is made for tests, by the hundred. */
const memorySizes = { tailBytes: 256 * KiB, journalFileBytes: 256 * KiB };
const diskSizes = { tailBytes: 64 * MiB, journalFileBytes: 64 * MiB };

/** Starts a node over `machine`. Rejects with what the log says of its folder, or 'invalid-argument' for addresses and configuration. */
export async function runNode(machine: Machine, options: NodeOptions): Promise<RunningNode> {
  const report: Report = reportAs('node', (line, level = 'info', facts = {}) => options.onReport?.(line, level, facts));
  const startedMs = machine.clock.nowMs();
  const sizes = options.data === undefined ? memorySizes : diskSizes;
  const own: readonly NodeListener[] = [mainListener(options), ...(options.listeners ?? [])];
  const watched: Watched = { observed: null, stopping: false };
  const door = await openDoorOf(options, watched, report); // first: whoever waits for the start asks it
  let log: Log | null = null;
  let broker: Broker | null = null;
  try {
    const openedLog = log = await openLog({
      disk: machine.disk, clock: machine.clock, random: machine.random, onReport: reportAs('log', report), ...(machine.threads === undefined ? {} : { threads: machine.threads }),
      tailBytes: options.tailBytes ?? sizes.tailBytes, journalFileBytes: options.journalFileBytes ?? sizes.journalFileBytes,
    });
    broker = await Broker.open({
      log: openedLog, machine, report, validator: validatorFor(machine, options), config: withAddresses(options.config ?? {}, own, machine), world: options,
      ...(options.onFatal ? { onFatal: options.onFatal } : {}),
    });
    const opened = broker;
    const configured = options.config?.['listeners'] === undefined ? null : opened.configuredListeners();
    const addresses: readonly NodeListener[] = configured === null ? own : [...configured, ...own.slice(1)];
    const listeners: Listener[] = [];
    for (const [number, nodeId] of opened.world.brokerIds.entries()) {
      for (const [place, address] of addresses.entries()) listeners.push(await opened.listen(addressOf({ name: `${protocolOf(address)}${place === 0 ? '' : place + 1}`, ...address }, number, nodeId)));
    }
    // In memory the thread is the program's own, which may do what it likes.
    const stalls = options.data === undefined ? null : new StallWatch(machine.clock, report);
    const status = async (): Promise<NodeStatus> => ({ stalls: stalls?.figures ?? noStalls, connections: opened.connections });
    const observed = watched.observed = {
      broker: opened, log: openedLog, clock: machine.clock, stalls, startedMs, version: packageVersion(),
      readiness: () => readinessOf(openedLog.state, openedLog.stats()),
      processFigures: options.machine === undefined ? processFigures : noProcessFigures,
    };
    const close = async (): Promise<void> => {
      watched.stopping = true;
      stalls?.close();
      await opened.close();
      await openedLog.close();
      await door?.close();
    };
    const backup = (folder: string): Promise<CopySummary> => openedLog.backup(new NodeDisk(folder));
    const play = (command: WorldCommand): Promise<FaultReport> => opened.world.command(command);
    const metrics = (metricsOptions: MetricsOptions = {}): Promise<string> => scrapeText(observed, metricsOptions);
    const users = (change: UsersChange = {}): Promise<NodeUser[]> => changeUsers(opened.users, machine.random, change);
    return {
      broker: opened, log: openedLog, backup, users, play, status, metrics, metricsUrl: door?.url ?? null, ports: listeners.map((one) => one.port), speaksTls: addresses[0]!.tls !== undefined,
      host: addresses[0]!.advertisedHost ?? reachable(addresses[0]!.host), port: addresses[0]!.advertisedPort ?? listeners[0]!.port, close,
    };
  } catch (error) {
    await broker?.close();
    await log?.close();
    await door?.close();
    throw error;
  }
}

/** The listener that the options themselves describe. */
function mainListener({ name, host, port, advertisedHost, advertisedPort, tls, sasl, insecure }: NodeOptions): NodeListener {
  return {
    ...(name === undefined ? {} : { name }), ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }),
    ...(advertisedHost === undefined ? {} : { advertisedHost }), ...(advertisedPort === undefined ? {} : { advertisedPort }),
    ...(tls === undefined ? {} : { tls }), ...(sasl === undefined ? {} : { sasl }), ...(insecure === undefined ? {} : { insecure }),
  };
}

/** A simulated machine judges where it stands: every run must go the same way. Loaded when the first topic has a schema. */
function validatorFor(machine: Machine, options: NodeOptions): Validator {
  let made: Promise<Validator> | null = null;
  const load = (): Promise<Validator> => (made ??= options.machine === undefined
    ? import('./check-thread.ts').then(({ CheckThread }) => new CheckThread(machine.clock))
    : import('./inline-validator.ts').then(({ inlineValidator }) => inlineValidator()));
  return {
    check: async (schemas) => (await load()).check(schemas),
    judge: async (schemas, bytes) => (await load()).judge(schemas, bytes),
    close: () => { void made?.then((validator) => validator.close()); },
  };
}

/** Where the `number`th broker that the node plays listens: at a free port, or so many ports after the named one. */
function addressOf(address: NodeListener, number: number, nodeId: number): ListenOptions {
  const after = (port: number): number => (port === 0 ? 0 : port + number);
  const { host = loopback, port = 0, advertisedHost, advertisedPort, ...rest } = address;
  return {
    ...rest, host, port: after(port), nodeId, ...(advertisedHost === undefined ? {} : { advertisedHost }),
    ...(advertisedPort === undefined ? {} : { advertisedPort: after(advertisedPort) }),
  };
}

/** What tools ask the node about itself. */
function withAddresses(config: Readonly<Record<string, string>>, addresses: readonly NodeListener[], machine: Machine): Record<string, string> {
  const folder = { 'log.dirs': machine.disk.root };
  if (config['listeners'] !== undefined) return { ...folder, ...config };
  const listeners = addresses.map(({ name, host, port, ...security }) => `${name ?? protocolOf(security)}://${host ?? loopback}:${port ?? 0}`);
  const advertised = addresses.map(({ name, host, port, advertisedHost, advertisedPort, ...security }) => `${name ?? protocolOf(security)}://${advertisedHost ?? host ?? loopback}:${advertisedPort ?? port ?? 0}`);
  return { listeners: listeners.join(','), 'advertised.listeners': advertised.join(','), ...protocolMap(addresses), ...folder, ...config };
}

const protocolOf = ({ tls, sasl }: NodeListener): string => `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`;

/** What protects listeners whose names do not say it. */
function protocolMap(addresses: readonly NodeListener[]): Record<string, string> {
  if (addresses.every(({ tls, sasl }) => tls === undefined && sasl === undefined)) return {};
  const pairs = addresses.map(({ name, ...security }) => `${name ?? protocolOf(security)}:${protocolOf(security)}`);
  return { 'listener.security.protocol.map': pairs.join(',') };
}

/** An address that a client of this machine can use for one that stands for all. */
function reachable(host: string | undefined): string {
  return host === undefined || host === '0.0.0.0' || host === '::' ? loopback : host;
}
