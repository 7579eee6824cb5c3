// node/inline-validator.ts - judges records on the thread that asks: for simulated machines, where every run must go the same way.
// Owns: nothing. Never used by a node that serves others: a schema could hold its thread up (check-thread.ts).
import type { Validator } from '../broker/mod.ts';

/** A validator without a thread. */
export function inlineValidator(): Validator {
  const schema = import('../schema/mod.ts');
  return {
    async check({ key, value }) {
      const { compileSchema } = await schema;
      for (const text of [key, value]) if (text !== '') await compileSchema(text);
    },
    async judge(schemas, bytes) {
      const { checkBatchBySchemas } = await schema;
      return await checkBatchBySchemas(schemas, bytes).catch((error: unknown) => [{ batchIndex: 0, batchIndexErrorMessage: (error as Error).message }]);
    },
    close() {},
  };
}
