// node/face.ts - what a program sees of a running node, wherever it runs.
import type { Connection, Machine } from '../os/mod.ts';
import type { Node } from './options.ts';
import type { RunningNode } from './run-node.ts';

const dialTimeoutMs = 10_000;

/** The face of a running node. */
export function nodeOn(machine: Pick<Machine, 'net' | 'clock' | 'random'>, running: Pick<RunningNode, 'host' | 'port' | 'speaksTls' | 'backup' | 'users' | 'status' | 'metrics' | 'metricsUrl' | 'close'>): Node {
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
    status: () => running.status(),
    metrics: (options) => running.metrics(options),
    [Symbol.asyncDispose]: close,
  };
}
