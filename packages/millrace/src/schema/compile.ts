// schema/compile.ts - a JSON Schema as a function that judges JSON.
// Owns: which schemas are taken, and their bounds; the one place that names ajv. Never: records (check-records.ts), threads (node/).
// Z1 No schema can make the judge stall by its patterns or by comparing all with all: patterns run in a linear-time engine, so look-around and back references are
// refused; uniqueItems is one pass. What is left (schemas that refer to themselves in alternatives) is bounded in time by who calls from a thread.
// Z2 Nothing is fetched: a schema refers to itself alone. Z3 Words that the draft does not know are refused: they are slips. `format` says nothing about validity,
// as draft 2020-12 has it.
import type { Ajv, AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv';
import { limits, MillraceError } from '../base/mod.ts';
import { linearSearch } from '../os/mod.ts';

/** Judges a value; null when it is valid, else where and why it is not, in one line. */
export type CompiledSchema = (value: unknown) => string | null;

const draft7 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const draft2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/**
 * Compiles the text of a schema of draft 2020-12 (also when it names none) or draft-07. Rejects 'invalid-argument' with the reason for a text that is no such schema, is
 * larger or deeper than the bounds, or asks for what is not taken. The library is loaded at the first call.
 * @example const judge = await compileSchema('{"type":"object","required":["id"]}'); judge({}) === "must have required property 'id'"
 */
export async function compileSchema(text: string): Promise<CompiledSchema> {
  const schema = parse(text);
  const ajv = await engineFor(schema);
  let validate: ValidateFunction;
  try {
    validate = ajv.compile(schema as AnySchemaObject | boolean);
  } catch (error) {
    throw refusal((error as Error).message);
  }
  if ((schema as { $async?: unknown }).$async !== undefined) throw refusal('$async is not taken');
  return (value) => (validate(value) as boolean ? null : wordsOf(validate.errors?.[0]));
}

const refusal = (why: string): MillraceError => new MillraceError('invalid-argument', `Cannot use this JSON Schema: ${why.slice(0, 500)}`);

function parse(text: string): unknown {
  if (text.length > limits.schema.textCharsMax) throw refusal(`it has ${text.length} characters, at most ${limits.schema.textCharsMax} are taken`);
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw refusal(`it is no JSON: ${(error as Error).message}`);
  }
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema))) throw refusal('it is neither an object nor true or false');
  checkDepth(schema);
  return schema;
}

function checkDepth(schema: unknown): void {
  let level: unknown[] = [schema];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.schema.depthMax) throw refusal(`it is nested more than ${limits.schema.depthMax} deep`);
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
}

async function engineFor(schema: unknown): Promise<Ajv> {
  const named = typeof schema === 'object' ? (schema as { $schema?: unknown }).$schema : undefined;
  const isOld = typeof named === 'string' && draft7.test(named);
  if (named !== undefined && !isOld && !(typeof named === 'string' && draft2020.test(named))) throw refusal(`its draft is ${JSON.stringify(named)}; draft 2020-12 and draft-07 are taken`);
  const module = isOld ? await import('ajv') : await import('ajv/dist/2020.js');
  const Engine = ('Ajv2020' in module ? module.Ajv2020 : module.Ajv) as new (options: object) => Ajv;
  const ajv = new Engine({
    strictSchema: true, strictTypes: false, strictTuples: false, strictRequired: false, validateFormats: false, allErrors: false, ownProperties: true, logger: false,
    code: { regExp: Object.assign(patternOf, { code: 'linearSearch' }) },
  });
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', error: { message: 'must not have items that are equal' }, validate: (isOn: boolean, items: unknown[]) => !isOn || areUnique(items) });
  return ajv;
}

/** Z1. The engine tells patterns apart by their text. */
function patternOf(pattern: string): RegExp {
  return { test: linearSearch(pattern, limits.schema.patternSizeMax), toString: () => `/${pattern}/u` } as RegExp;
}

function areUnique(items: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const item of items) seen.add(canonical(item));
  return seen.size === items.length;
}

/** Equal values have equal texts, whatever the order of their properties. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'object' && one !== null && !Array.isArray(one)
    ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : one));
}

function wordsOf(error: ErrorObject | undefined): string {
  if (error === undefined) return 'it is not valid';
  const extra = error.keyword === 'additionalProperties' ? ` ('${String((error.params as { additionalProperty?: unknown }).additionalProperty)}')` : '';
  return `${error.instancePath === '' ? '' : `${error.instancePath} `}${error.message ?? error.keyword}${extra}`;
}
