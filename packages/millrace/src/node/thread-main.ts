// node/thread-main.ts - the entry of a node's own thread: starts the node that workerData describes, stops it when told.
import { parentPort, workerData } from 'node:worker_threads';
import { assert, isMillraceError } from '../base/mod.ts';
import { nodeMachine } from '../os/mod.ts';
import type { FromThread, ThreadAnswer, ThreadOptions, ThreadQuestion, ToThread } from './own-thread.ts';
import { runNode, type RunningNode } from './run-node.ts';

assert(parentPort !== null, 'this file is the entry of a thread');
const parent = parentPort;
const say = (message: FromThread): void => parent.postMessage(message);

const options = workerData as ThreadOptions;
try {
  const node = await runNode(nodeMachine(options.data), { ...options, onReport: (line, level, facts) => say({ kind: 'report', line, level, facts }) });
  parent.on('message', (message: ToThread) => {
    if (message.kind === 'close') node.close().then(() => { say({ kind: 'closed' }); parent.close(); });
    else void answer(node, message.call, message.question);
  });
  say({ kind: 'started', host: node.host, port: node.port, speaksTls: node.speaksTls, metricsUrl: node.metricsUrl });
} catch (error) {
  say({ kind: 'refused', code: isMillraceError(error) ? error.code : null, message: error instanceof Error ? error.message : String(error) });
  parent.close();
}

async function answer(node: RunningNode, call: number, question: ThreadQuestion): Promise<void> {
  try {
    say({ kind: 'answered', call, answer: await answerOf(node, question) });
  } catch (error) {
    say({ kind: 'failed', call, code: isMillraceError(error) ? error.code : null, message: error instanceof Error ? error.message : String(error) });
  }
}

function answerOf(node: RunningNode, question: ThreadQuestion): Promise<ThreadAnswer> {
  switch (question.kind) {
    case 'backup': return node.backup(question.folder);
    case 'users': return node.users(question.change);
    case 'play': return node.play(question.command);
    case 'status': return node.status();
    case 'metrics': return node.metrics(question.options);
  }
}
