// node/face.ts - what a program sees of a running node, wherever it runs.
import type { Connection, Machine } from '../os/mod.ts';
import type { WorldCommand } from '../broker/mod.ts';
import type { Node, NodeFaults } from './options.ts';
import type { RunningNode } from './run-node.ts';

const dialTimeoutMs = 10_000;

/** The face of a running node. */
export function nodeOn(machine: Pick<Machine, 'net' | 'clock' | 'random'>, running: Pick<RunningNode, 'host' | 'port' | 'speaksTls' | 'backup' | 'users' | 'play' | 'status' | 'metrics' | 'metricsUrl' | 'close'>): Node {
  const { host, port, metricsUrl } = running;
  const printed = host.includes(':') ? `[${host}]` : host;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= running.close());
  return {
    host, port, metricsUrl, machine, close,
    bootstrap: `${printed}:${port}`,
    url: `${running.speaksTls ? 'kafkas' : 'kafka'}://${printed}:${port}`,
    dial: (): Promise<Connection> => machine.net.connect({ host, port, timeoutMs: dialTimeoutMs }),
    backup: (folder) => running.backup(folder),
    users: (change) => running.users(change),
    faults: faultsOf((command) => running.play(command)),
    status: () => running.status(),
    metrics: (options) => running.metrics(options),
    [Symbol.asyncDispose]: close,
  };
}

function faultsOf(play: RunningNode['play']): NodeFaults {
  const to = (nodeId: number | undefined): Pick<Extract<WorldCommand, { kind: 'move-leader' }>, 'to'> => (nodeId === undefined ? {} : { to: nodeId });
  return {
    set: (plan) => play({ kind: 'set', plan }),
    clear: () => play({ kind: 'clear' }),
    report: () => play({ kind: 'report' }),
    moveLeader: (topic, partition, nodeId) => play({ kind: 'move-leader', topic, partition, ...to(nodeId) }),
    moveCoordinator: (of, name, nodeId) => play({ kind: 'move-coordinator', of, name, ...to(nodeId) }),
  };
}
