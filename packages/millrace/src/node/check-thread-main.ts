// node/check-thread-main.ts - the entry of the thread that judges records by schemas: one question after the other.
import { parentPort } from 'node:worker_threads';
import { assert, isMillraceError } from '../base/mod.ts';
import { checkBatchBySchemas, compileSchema } from '../schema/mod.ts';
import type { CheckAnswer, CheckQuestion } from './check-thread.ts';

assert(parentPort !== null, 'this file is the entry of a thread');
const parent = parentPort;
/** The library is loaded before the first deadline begins to run. */
let turn: Promise<unknown> = compileSchema('true');

parent.on('message', (question: CheckQuestion) => {
  turn = turn.then(async () => {
    parent.postMessage({ id: question.id, kind: 'begun' } satisfies CheckAnswer);
    parent.postMessage(await answer(question));
  });
});

async function answer({ id, schemas, bytes }: CheckQuestion): Promise<CheckAnswer> {
  try {
    if (bytes !== null) return { id, kind: 'judged', faults: await checkBatchBySchemas(schemas, new Uint8Array(bytes).slice()) };
    for (const text of [schemas.key, schemas.value]) if (text !== '') await compileSchema(text);
    return { id, kind: 'judged', faults: [] };
  } catch (error) {
    return { id, kind: 'refused', why: isMillraceError(error) ? error.message : `the check failed: ${String(error)}` };
  }
}
