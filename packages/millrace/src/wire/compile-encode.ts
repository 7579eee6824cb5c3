// wire/compile-encode.ts - turns a message of one version into an encoder: one flat JavaScript function, made at first use.
// Owns: the code that is generated for writing. E1 a field left out (undefined) has its default. E2 what the version does not carry is
// not written. E3 tagged fields are written in ascending order and only when they differ from their default.
import type { Message } from './api.ts';
import { CompileContext, joinPath } from './compile-context.ts';
import { defaultCode } from './compile-decode.ts';
import { plan, type PlannedField, type PlannedShape, type PlannedStruct } from './plan.ts';
import type { Writer } from './writer.ts';

/** Writes the fields of one message in one version. Throws 'invalid-argument' naming the field. */
export type Encoder = (writer: Writer, value: object) => void;

/** Compiles the encoder of `message` in `version`. */
export function compileEncoder(message: Message, version: number): Encoder {
  const context = new CompileContext();
  structCode(context, plan(message, version), 'value', '', 0);
  return context.build(message, version, 'encode', 'w, value', 'undefined') as Encoder;
}

function structCode(context: CompileContext, struct: PlannedStruct, from: string, path: string, level: number): void {
  context.step(path === '' ? 'the message' : path);
  context.line(`if (!isObject(${from})) w.fail('not an object');`);
  for (const field of struct.body) {
    context.step(joinPath(path, field.name));
    writeCode(context, field, loadCode(context, field, from), joinPath(path, field.name), level);
  }
  if (!struct.flexible) return;
  if (struct.tagged.length === 0) context.line('w.uvarint(0);');
  else tagsCode(context, struct, from, path, level);
}

function tagsCode(context: CompileContext, struct: PlannedStruct, from: string, path: string, level: number): void {
  const present = struct.tagged.map((field) => {
    context.step(joinPath(path, field.name));
    const value = loadCode(context, field, from);
    const there = context.fresh();
    context.line(`const ${there} = ${differsCode(field, value)};`);
    return { field, value, there };
  });
  context.line(`w.uvarint(${present.map(({ there }) => `(${there} ? 1 : 0)`).join(' + ')});`);
  for (const { field, value, there } of present) {
    context.line(`if (${there}) { w.beginTag(${field.tag});`);
    context.step(joinPath(path, field.name));
    writeCode(context, field, value, joinPath(path, field.name), level);
    context.line('w.endTag(); }');
  }
}

/** Loads a field, or its default, into a variable. */
function loadCode(context: CompileContext, field: PlannedField, from: string): string {
  const name = context.fresh();
  context.line(`let ${name} = ${from}.${field.name}; if (${name} === undefined) ${name} = ${emptyDefaultCode(field)};`);
  return name;
}

/** A struct's default is written from an empty object, whose fields are all left out. */
function emptyDefaultCode(field: PlannedField): string {
  return field.shape.kind === 'struct' && field.defaultValue !== null ? '{}' : defaultCode(field);
}

/** The condition that `value` is not the field's default, deep for structs. */
function differsCode(field: PlannedField, value: string): string {
  if (field.defaultValue === null) return `${value} !== null`;
  switch (field.shape.kind) {
    case 'struct': return differsStructCode(field.shape.struct, value);
    case 'array': case 'bytes': case 'records': return `${value} === null || ${value}.length !== 0`;
    default: return `${value} !== ${defaultCode(field)}`;
  }
}

function differsStructCode(struct: PlannedStruct, value: string): string {
  const conditions = [...struct.body, ...struct.tagged].map((field) => {
    const member = `${value}.${field.name}`;
    return `(${member} !== undefined && (${differsCode(field, member)}))`;
  });
  return conditions.length === 0 ? 'false' : `isObject(${value}) && (${conditions.join(' || ')})`;
}

/** Generates the writing of the value in the variable `value`. */
function writeCode(context: CompileContext, field: PlannedField, value: string, path: string, level: number): void {
  switch (field.shape.kind) {
    case 'struct': {
      if (!field.nullable) return structCode(context, field.shape.struct, value, path, level);
      context.line(`if (${value} === null) w.int8(-1); else { w.int8(1);`);
      structCode(context, field.shape.struct, value, path, level);
      return context.line('}');
    }
    case 'array': return arrayCode(context, field, field.shape.element, value, path, level);
    default: return context.line(`w.${writeCall(field.shape.kind, field.nullable, field.compact)}(${value});`);
  }
}

function arrayCode(context: CompileContext, field: PlannedField, element: PlannedShape, value: string, path: string, level: number): void {
  const index = context.index(level);
  if (field.nullable) context.line(`if (${value} === null) ${field.compact ? 'w.uvarint(0)' : 'w.int32(-1)'}; else {`);
  context.line(`if (!Array.isArray(${value})) w.fail('not an array');`);
  context.line(field.compact ? `w.uvarint(${value}.length + 1);` : `w.int32(${value}.length);`);
  context.line(`for (${index} = 0; ${index} < ${value}.length; ${index}++) {`);
  const item = context.fresh();
  context.line(`const ${item} = ${value}[${index}];`);
  writeCode(context, { name: '', shape: element, nullable: false, defaultValue: undefined, compact: field.compact }, item, `${path}[]`, level + 1);
  context.line('}');
  if (field.nullable) context.line('}');
}

function writeCall(kind: string, nullable: boolean, compact: boolean): string {
  const noun = kind === 'string' ? 'String' : kind === 'bytes' ? 'Bytes' : kind === 'records' ? 'Records' : null;
  if (noun === null) return kind;
  if (compact) return `compact${nullable ? 'Nullable' : ''}${noun}`;
  const width = kind === 'string' ? '16' : '32';
  return nullable ? `nullable${noun}${width}` : `${kind}${width}`;
}
