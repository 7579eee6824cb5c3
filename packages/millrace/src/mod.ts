// mod.ts - the package's door: a node in your program, and a client.
// Importing it loads next to nothing: startNode() and connect() load what they need on first use.
import type { Node, NodeOptions } from './node/mod.ts';

export { isMillraceError, MillraceError, type ErrorCode } from './base/mod.ts';
export type { MillraceConfig } from './cli/mod.ts';
export { connect, planMove } from './client/mod.ts';
export type * from './client/mod.ts';
export type { FaultKind, FaultPlan, FaultReport, FaultRule, RuleReport } from './broker/mod.ts';
export type { Node, NodeFaults, NodeListener, NodeOptions } from './node/mod.ts';

/**
 * Starts a node: in memory when no data folder is named, else on disk and on a thread of its own. Rejects 'data-folder-locked',
 * 'data-folder-newer', 'data-damaged', 'disk-full' for the folder, 'invalid-argument' for an address that is taken or a setting that does not exist.
 * @example
 * await using node = await startNode();
 * await using client = await connect(node);
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const { startNode: start } = await import('./node/mod.ts');
  return await start(options);
}
