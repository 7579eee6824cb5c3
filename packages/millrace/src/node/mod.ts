// node/mod.ts - the door of the whole node: startNode() and what it takes and gives.
export { startNode } from './start.ts';
export type { Node, NodeListener, NodeOptions, NodeStatus } from './options.ts';
