// cli/top/source.ts - where `millrace top` gets its figures, without being told where it can find out.
// Owns: the order of trying. Never: reading (read-metrics.ts), showing.
// S1 Named by --metrics-url: that. S2 Else a server on the loopback says where its data folder is; when a node of this very cluster answers at the control socket there, it is
// a node of this machine and user, and tells everything. S3 Else what Kafka's protocol gives.
import { isLoopback, isMillraceError, MillraceError } from '../../base/mod.ts';
import type { Admin } from '../../client/mod.ts';
import { askNode } from '../control.ts';
import { portDefault } from '../settings.ts';
import { parseAddress, usageError } from '../values.ts';
import type { FigureSource } from './figures.ts';
import { kafkaSource } from './kafka-source.ts';
import { readFigures } from './read-metrics.ts';

/** What there is to go by. */
export interface SourceOptions { readonly server: string; readonly metricsUrl: string | undefined; readonly timeoutMs: number; readonly nowMs: () => number }

const textBytesMax = 64 * 1024 * 1024;

/** Finds the best source there is (S1-S3). Rejects 'invalid-argument' for an address that is none, 'disconnected' and 'timeout'. */
export async function findSource(admin: Admin, options: SourceOptions): Promise<FigureSource> {
  if (options.metricsUrl !== undefined) return overHttp(options.metricsUrl, options);
  return await overControl(admin, options) ?? kafkaSource(admin, options.server, options.nowMs);
}

/** Figures from the endpoint of a node, wherever it is. Rejects 'invalid-argument' for an address that is none. */
export function overHttp(metricsUrl: string, { timeoutMs, nowMs }: Pick<SourceOptions, 'timeoutMs' | 'nowMs'>): FigureSource {
  const url = URL.parse(metricsUrl);
  if (url === null || !/^https?:$/.test(url.protocol)) throw usageError(`Cannot use '${metricsUrl}' for --metrics-url: it must be an address such as http://127.0.0.1:9464`);
  if (url.pathname === '/') url.pathname = '/metrics';
  return {
    name: url.host,
    async look() {
      return readFigures(await download(url, timeoutMs), nowMs()).figures;
    },
  };
}

async function overControl(admin: Admin, { server, nowMs }: SourceOptions): Promise<FigureSource | null> {
  if (!server.split(',').every((address) => isLoopback(parseAddress('--server', address, portDefault).host))) return null; // no path is taken from a stranger
  const folder = await dataFolder(admin);
  if (folder === null) return null;
  const ask = async () => {
    const answer = await askNode(folder, { do: 'metrics' });
    if (answer === undefined) throw new MillraceError('disconnected', `Cannot ask the node on '${folder}': it is gone`);
    return readFigures(answer.text, nowMs());
  };
  try {
    const { clusterId } = await admin.describeCluster();
    if ((await ask()).clusterId !== clusterId) return null;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return null; // no node of ours, an older one, or another user's
  }
  return { name: server, look: async () => (await ask()).figures };
}

async function dataFolder(admin: Admin): Promise<string | null> {
  try {
    const folders = await admin.describeLogDirs();
    return folders.length === 1 ? folders[0]!.path : null;
  } catch (error) {
    if (isMillraceError(error, 'disconnected') || isMillraceError(error, 'timeout') || !isMillraceError(error)) throw error;
    return null; // we may not ask
  }
}

async function download(url: URL, timeoutMs: number): Promise<string> {
  const failed = (why: string, cause?: unknown) => new MillraceError('disconnected', `Cannot read metrics from '${url.href}': ${why}`, { cause });
  let bytes = 0;
  const chunks: Uint8Array[] = [];
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw failed(`it answers ${response.status} ${(await response.text()).slice(0, 200).trim()}`);
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > textBytesMax) throw failed('the answer does not end');
    }
  } catch (error) {
    if (isMillraceError(error)) throw error;
    throw failed(error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error), error);
  }
  return Buffer.concat(chunks).toString();
}
