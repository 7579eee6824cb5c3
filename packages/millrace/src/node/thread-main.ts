// node/thread-main.ts - the entry of a node's own thread: starts the node that workerData describes, stops it when told.
import { parentPort, workerData } from 'node:worker_threads';
import { assert, isMillraceError } from '../base/mod.ts';
import { nodeMachine } from '../os/mod.ts';
import type { FromThread, ThreadOptions, ToThread } from './own-thread.ts';
import { runNode, type RunningNode } from './run-node.ts';

assert(parentPort !== null, 'this file is the entry of a thread');
const parent = parentPort;
const say = (message: FromThread): void => parent.postMessage(message);

const options = workerData as ThreadOptions;
try {
  const node = await runNode(nodeMachine(options.data), { ...options, onReport: (line) => say({ kind: 'report', line }) });
  parent.on('message', (message: ToThread) => {
    if (message.kind === 'close') node.close().then(() => { say({ kind: 'closed' }); parent.close(); });
    else void backup(node, message.call, message.folder);
  });
  say({ kind: 'started', host: node.host, port: node.port });
} catch (error) {
  say({ kind: 'refused', code: isMillraceError(error) ? error.code : null, message: error instanceof Error ? error.message : String(error) });
  parent.close();
}

async function backup(node: RunningNode, call: number, folder: string): Promise<void> {
  try {
    say({ kind: 'backed-up', call, summary: await node.backup(folder) });
  } catch (error) {
    say({ kind: 'backup-failed', call, code: isMillraceError(error) ? error.code : null, message: error instanceof Error ? error.message : String(error) });
  }
}
