// node/metrics/door.ts - the HTTP door of a node, when its configuration asks for one.
// Owns: reading `millrace.metrics.listener`, and what the door is told in each state of the node. Never: HTTP (http/), which is loaded only when it is asked for.
import { MillraceError, reportAs, type Report } from '../../base/mod.ts';
import type { MetricsDoor } from '../../http/mod.ts';
import type { NodeOptions } from '../options.ts';
import { starting, stopping } from '../readiness.ts';
import type { Observed } from './observed.ts';
import { scrape } from './scrape.ts';

/** A node as the door sees it, from before its start to its end. */
export interface Watched {
  /** Null while it is starting. */
  observed: Observed | null;
  stopping: boolean;
}

/** Opens the door that the configuration names; null when it names none. Rejects 'invalid-argument' for an address that is none or is taken. */
export async function openDoorOf(options: NodeOptions, watched: Watched, report: Report): Promise<MetricsDoor | null> {
  const address = options.config?.['millrace.metrics.listener'];
  if (address === undefined || address.trim() === '') return null;
  if (options.machine !== undefined) throw new MillraceError('invalid-argument', `Cannot serve metrics on '${address}': a simulated node has no network of its own`, { address });
  const { host, port } = parseListener(address);
  const { openMetricsDoor } = await import('../../http/mod.ts');
  const door = await openMetricsDoor({ host, port, source: () => sourceOf(watched), report: reportAs('metrics', report) });
  report(`metrics and health at ${door.url}`, 'info', { component: 'metrics', event: 'metrics', url: door.url });
  return door;
}

function sourceOf({ observed, stopping: ending }: Watched) {
  if (ending) return { readiness: () => stopping, scrape: null };
  if (observed === null) return { readiness: () => starting, scrape: null };
  return { readiness: () => observed.readiness(), scrape: (kind: Parameters<typeof scrape>[1], onPiece: (text: string) => void) => scrape(observed, kind, onPiece) };
}

function parseListener(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new MillraceError('invalid-argument', `Cannot serve metrics on '${text}': it must be an address such as 127.0.0.1:9464`, { address: text });
  return { host: match[1] ?? match[2]!, port };
}
