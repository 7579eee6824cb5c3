// wire/compile-decode.ts - turns a message of one version into a decoder: one flat JavaScript function, made at first use.
// Owns: the code that is generated for reading. D1 no recursion while decoding: nested structs are nested loops. D2 every decoded object
// has all fields of all versions, in the order of the schema. D3 what the version does not carry has its default.
// Names and numbers in the code come from our own schemas, never from bytes. Why generated code: docs/decisions/compiled-codecs.md.
import { assert } from '../base/mod.ts';
import type { Message } from './api.ts';
import { CompileContext, joinPath } from './compile-context.ts';
import type { Default } from './field.ts';
import { plan, shapeBytesMin, type PlannedField, type PlannedShape, type PlannedStruct } from './plan.ts';
import type { Reader } from './reader.ts';
import { zeroUuid } from './uuid.ts';

/** Reads the fields of one message in one version from where the reader stands. Throws 'invalid-bytes'. */
export type Decoder = (reader: Reader) => Record<string, unknown>;

/** Compiles the decoder of `message` in `version`. */
export function compileDecoder(message: Message, version: number): Decoder {
  const context = new CompileContext();
  const result = structCode(context, plan(message, version), '', 0);
  return context.build(message, version, 'decode', 'r', result) as Decoder;
}

/** Generates the reading of a struct and returns the expression of the object. */
function structCode(context: CompileContext, struct: PlannedStruct, path: string, level: number): string {
  const values = new Map<string, string>();
  for (const field of struct.body) {
    context.step(joinPath(path, field.name));
    values.set(field.name, valueCode(context, field, joinPath(path, field.name), level));
  }
  if (struct.flexible) tagsCode(context, struct, path, level, values);
  for (const field of struct.absent) values.set(field.name, defaultCode(field));
  return `{ ${struct.names.map((name) => `${name}: ${values.get(name)!}`).join(', ')} }`;
}

function tagsCode(context: CompileContext, struct: PlannedStruct, path: string, level: number, values: Map<string, string>): void {
  for (const field of struct.tagged) {
    const name = context.fresh();
    context.line(`let ${name};`);
    values.set(field.name, `${name} === undefined ? ${defaultCode(field)} : ${name}`);
  }
  const left = context.fresh();
  context.step(joinPath(path, 'tagged fields'));
  context.line(`for (let ${left} = r.uvarint(); ${left} > 0; ${left}--) {`);
  if (struct.tagged.length === 0) context.line('r.uvarint(); r.skip(r.tagBytes());');
  else knownTagsCode(context, struct, path, level, values);
  context.line('}');
}

function knownTagsCode(context: CompileContext, struct: PlannedStruct, path: string, level: number, values: Map<string, string>): void {
  const [tag, size, end] = [context.fresh(), context.fresh(), context.fresh()];
  context.line(`const ${tag} = r.uvarint(), ${size} = r.tagBytes(), ${end} = r.at + ${size};`);
  context.line(`switch (${tag}) {`);
  for (const field of struct.tagged) {
    context.line(`case ${field.tag}: {`);
    context.step(joinPath(path, field.name));
    const value = valueCode(context, field, joinPath(path, field.name), level);
    context.line(`${values.get(field.name)!.split(' ')[0]} = ${value};`);
    context.line(`if (r.at !== ${end}) r.fail('a tagged field that does not fill its ' + ${size} + ' bytes');`);
    context.line('break; }');
  }
  context.line(`default: r.skip(${size}); }`);
  context.step(joinPath(path, 'tagged fields'));
}

/** Generates the reading of one field and returns the name of the variable that holds it. */
function valueCode(context: CompileContext, field: PlannedField, path: string, level: number): string {
  const name = context.fresh();
  switch (field.shape.kind) {
    case 'struct': {
      if (!field.nullable) return assign(context, name, structCode(context, field.shape.struct, path, level));
      context.line(`let ${name} = null;`);
      context.line('if (r.int8() >= 0) {');
      context.line(`${name} = ${structCode(context, field.shape.struct, path, level)};`);
      context.line('}');
      return name;
    }
    case 'array': return arrayCode(context, field, field.shape.element, path, level);
    default: return assign(context, name, readCall(field.shape.kind, field.nullable, field.compact));
  }
}

function assign(context: CompileContext, name: string, expression: string): string {
  context.line(`const ${name} = ${expression};`);
  return name;
}

function arrayCode(context: CompileContext, field: PlannedField, element: PlannedShape, path: string, level: number): string {
  const bytesMin = shapeBytesMin(element, field.compact);
  assert(bytesMin > 0, 'an element takes at least a byte, so a count is bounded by the frame');
  const [name, count, index] = [context.fresh(), context.fresh(), context.index(level)];
  context.line(`const ${count} = r.${field.compact ? (field.nullable ? 'compactNullableCount' : 'compactCount') : field.nullable ? 'nullableCount32' : 'count32'}(${bytesMin});`);
  context.line(`const ${name} = ${field.nullable ? `${count} < 0 ? null : []` : '[]'};`);
  context.line(`for (${index} = 0; ${index} < ${count}; ${index}++) {`);
  const item = valueCode(context, { name: '', shape: element, nullable: false, defaultValue: undefined, compact: field.compact }, `${path}[]`, level + 1);
  context.line(`${name}.push(${item});`);
  context.line('}');
  return name;
}

function readCall(kind: string, nullable: boolean, compact: boolean): string {
  const base = kind === 'records' ? 'bytes' : kind;
  if (base !== 'string' && base !== 'bytes') return `r.${kind}()`;
  const noun = base === 'string' ? 'String' : 'Bytes';
  if (compact) return `r.compact${nullable ? 'Nullable' : ''}${noun}()`;
  const width = base === 'string' ? '16' : '32';
  return nullable ? `r.nullable${noun}${width}()` : `r.${base}${width}()`;
}

/** The expression of a field's default; objects are made anew for every message. */
export function defaultCode(field: PlannedField): string {
  const given: Default = field.defaultValue;
  if (given !== undefined) return typeof given === 'string' ? JSON.stringify(given) : typeof given === 'bigint' ? `${given}n` : String(given);
  switch (field.shape.kind) {
    case 'bool': return 'false';
    case 'string': return "''";
    case 'bytes': return 'emptyBytes';
    case 'records': return field.nullable ? 'null' : 'emptyBytes';
    case 'uuid': return JSON.stringify(zeroUuid);
    case 'bits64': return '0n';
    case 'array': return '[]';
    case 'struct': return structDefaultCode(field.shape.struct);
    default: return '0';
  }
}

function structDefaultCode(struct: PlannedStruct): string {
  const fields = new Map([...struct.body, ...struct.tagged, ...struct.absent].map((field) => [field.name, field]));
  return `{ ${struct.names.map((name) => `${name}: ${defaultCode(fields.get(name)!)}`).join(', ')} }`;
}
