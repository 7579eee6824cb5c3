// schema/check-records.ts - the records of one batch, judged one by one by the schemas of their topic.
// Owns: the walk, what a missing key or value means, bounds of what is told. Never: what becomes of the batch (broker/produce).
// Y1 A value that is null deletes its key and is not judged; a key that is missing breaks a schema for keys. Y2 Every bad record is told by its index; words are told
// until they fill their bound. Cost: one parse and one judgement per key or value with a schema.
import { isMillraceError, limits } from '../base/mod.ts';
import { RecordCursor } from '../wire/mod.ts';
import { compileSchema, type CompiledSchema } from './compile.ts';

/** Texts of the schemas of a topic; '' for none. */
export interface BatchSchemas { readonly key: string; readonly value: string }

/** One record that breaks a schema, by its place in the batch. */
export interface RecordFault { readonly batchIndex: number; readonly batchIndexErrorMessage: string }

const utf8 = new TextDecoder('utf-8', { fatal: true });
const compiled = new Map<string, Promise<CompiledSchema>>();

/** The records of the batch that break a schema. Rejects 'invalid-argument' for a text that is no schema. */
export async function checkBatchBySchemas(schemas: BatchSchemas, batch: Uint8Array): Promise<RecordFault[]> {
  const [key, value] = await Promise.all([compiledOf(schemas.key), compiledOf(schemas.value)]);
  const faults: RecordFault[] = [];
  let wordsLeft = limits.schema.faultCharsMax;
  const add = (batchIndex: number, words: string): void => {
    const told = words.slice(0, Math.min(limits.schema.faultCharsEach, wordsLeft));
    wordsLeft -= told.length;
    faults.push({ batchIndex, batchIndexErrorMessage: told });
  };
  const records = new RecordCursor();
  try {
    records.open(batch, 0, limits.schema.recordsBytesMax);
    for (let index = 0; records.next(); index++) {
      const words = (key === null ? null : judge('key', key, records.key(), false)) ?? (value === null ? null : judge('value', value, records.value(), true));
      if (words !== null) add(index, words);
    }
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    add(0, error.message);
  }
  return faults;
}

/** Y1. */
function judge(what: string, schema: CompiledSchema, bytes: Uint8Array | null, mayBeMissing: boolean): string | null {
  if (bytes === null) return mayBeMissing ? null : `there is no ${what}`;
  try {
    const words = schema(JSON.parse(utf8.decode(bytes)));
    return words === null ? null : `${what}: ${words}`;
  } catch (error) {
    return error instanceof RangeError ? `${what}: it is nested too deep` : `${what}: it is no JSON (${(error as Error).message})`;
  }
}

/** Texts are compiled once; the oldest gives way. */
function compiledOf(text: string): Promise<CompiledSchema> | null {
  if (text === '') return null;
  let found = compiled.get(text);
  if (found !== undefined) return found;
  if (compiled.size >= limits.schema.compiledMax) compiled.delete(compiled.keys().next().value!);
  compiled.set(text, found = compileSchema(text));
  found.catch(() => compiled.delete(text));
  return found;
}
