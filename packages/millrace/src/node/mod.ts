// node/mod.ts - the door of the whole node: startNode() and what it takes and gives; runNode() for who looks inside.
export { startNode } from './start.ts';
export type { MetricsOptions, Node, NodeFaults, NodeListener, NodeOptions, NodeStatus, NodeTls } from './options.ts';
export { runNode, type RunningNode } from './run-node.ts';
export { changeUsersIn, type NodeUser, type UsersChange } from './users.ts';
