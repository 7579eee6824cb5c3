// wire/arbitrary.ts - test support: random values for any message of any version, from a seed.
// Owns: the choice of values that break codecs (empty, extreme, long enough for two-byte varints, not ASCII). Never: used outside tests.
// It reads the schemas directly, not the plans that the compilers use, so that a mistake there is not made twice.
import type { Message } from './api.ts';
import type { Field, Fields, Shape } from './field.ts';
import { inVersions } from './versions.ts';

/** A source of chance: numbers in [0, 1). */
export type Chance = () => number;

/** A seeded generator (mulberry32): the same seed, the same numbers. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** A whole number from `min` to `max`, both included. */
export const between = (chance: Chance, min: number, max: number): number => min + Math.floor(chance() * (max - min + 1));

/** One of `values`. */
export const oneOf = <T>(chance: Chance, values: readonly T[]): T => values[between(chance, 0, values.length - 1)]!;

/** Every field that `version` carries, with a value; other fields are left out. */
export function arbitraryValue(message: Message, version: number, chance: Chance): Record<string, unknown> {
  return arbitraryFields(message.fields, version, chance, 0);
}

/** What is left of `value` when only the fields that `version` carries are kept. */
export function carried(message: Message, version: number, value: unknown): unknown {
  return carriedFields(message.fields, version, value);
}

/** `value` without the fields that have their default: encoders must write the same bytes. */
export function withoutDefaults(message: Message, value: Record<string, unknown>): Record<string, unknown> {
  return sparseFields(message.fields, value);
}

function sparseFields(fields: Fields, value: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    const field = fields[name]!;
    if (!isDefault(field, given)) kept[name] = sparseShape(field.shape, given);
  }
  return kept;
}

function sparseShape(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'struct' && value !== null) return sparseFields(shape.fields, value as Record<string, unknown>);
  if (shape.kind === 'array' && Array.isArray(value)) return value.map((item) => sparseShape(shape.element, item));
  return value;
}

function isDefault(field: Field<unknown>, value: unknown): boolean {
  if (field.defaultValue !== undefined) return value === field.defaultValue;
  const empty = { bool: false, string: '', uuid: 'A'.repeat(22), bits64: 0n } as Record<string, unknown>;
  switch (field.shape.kind) {
    case 'array': case 'bytes': return value !== null && (value as { length: number }).length === 0;
    case 'records': case 'struct': return false;
    default: return value === (empty[field.shape.kind] ?? 0);
  }
}

function arbitraryFields(fields: Fields, version: number, chance: Chance, depth: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (inVersions(field.versions, version)) value[name] = arbitraryField(field, version, chance, depth);
  }
  return value;
}

function arbitraryField(field: Field<unknown>, version: number, chance: Chance, depth: number): unknown {
  if (inVersions(field.nullable, version) && chance() < 0.2) return null;
  if (field.defaultValue !== undefined && field.defaultValue !== null && chance() < 0.2) return field.defaultValue;
  return arbitraryShape(field.shape, version, chance, depth);
}

function arbitraryShape(shape: Shape, version: number, chance: Chance, depth: number): unknown {
  switch (shape.kind) {
    case 'struct': return arbitraryFields(shape.fields, version, chance, depth + 1);
    case 'array': return Array.from({ length: arrayLength(shape.element, chance, depth) }, () => arbitraryShape(shape.element, version, chance, depth + 1));
    case 'bool': return chance() < 0.5;
    case 'int8': return whole(chance, -128, 127);
    case 'int16': return whole(chance, -32768, 32767);
    case 'uint16': return whole(chance, 0, 65535);
    case 'int32': return whole(chance, -2147483648, 2147483647);
    case 'int64': return whole(chance, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case 'wide64': return chance() < 0.2 ? oneOf(chance, [Infinity, -Infinity]) : whole(chance, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case 'bits64': return BigInt.asIntN(64, (BigInt(whole(chance, 0, 0xffffffff)) << 32n) | BigInt(whole(chance, 0, 0xffffffff)));
    case 'float64': return oneOf(chance, [0.5, -1e300, 5e-324, chance() * 1e6]);
    case 'uuid': return arbitraryUuid(chance);
    case 'string': return arbitraryText(chance);
    case 'bytes': case 'records': return arbitraryBytes(chance);
  }
}

function whole(chance: Chance, min: number, max: number): number {
  const kind = chance();
  if (kind < 0.1) return oneOf(chance, [min, max]);
  if (kind < 0.4) return Math.max(min, between(chance, -1, 3));
  const span = max - min;
  return Math.max(min, Math.min(max, min + Math.floor(chance() * span)));
}

function arrayLength(element: Shape, chance: Chance, depth: number): number {
  if (depth < 2 && element.kind !== 'struct' && chance() < 0.03) return between(chance, 120, 300);
  return oneOf(chance, [0, 1, 1, 2, 3]);
}

function arbitraryUuid(chance: Chance): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let text = '';
  for (let i = 0; i < 21; i++) text += alphabet[between(chance, 0, 63)]!;
  return text + oneOf(chance, ['A', 'Q', 'g', 'w']);
}

function arbitraryText(chance: Chance): string {
  const kind = chance();
  if (kind < 0.15) return '';
  if (kind < 0.25) return oneOf(chance, ['é', 'topic-ü', '日本', '🚂 train', 'a'.repeat(31) + 'ß']);
  if (kind < 0.3) return 'long-'.repeat(between(chance, 20, 60));
  if (kind < 0.31) return 'x'.repeat(between(chance, 16000, 32767));
  let text = '';
  for (let left = between(chance, 1, 40); left > 0; left--) text += String.fromCharCode(between(chance, 32, 126));
  return text;
}

/** Some random bytes, now and then many. */
export function arbitraryBytes(chance: Chance): Uint8Array {
  const length = chance() < 0.15 ? 0 : chance() < 0.1 ? between(chance, 100, 9000) : between(chance, 1, 30);
  return Uint8Array.from({ length }, () => between(chance, 0, 255));
}

function carriedFields(fields: Fields, version: number, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (inVersions(field.versions, version)) kept[name] = carriedShape(field.shape, version, (value as Record<string, unknown>)[name]);
  }
  return kept;
}

function carriedShape(shape: Shape, version: number, value: unknown): unknown {
  if (shape.kind === 'struct') return carriedFields(shape.fields, version, value);
  if (shape.kind === 'array' && Array.isArray(value)) return value.map((item) => carriedShape(shape.element, version, item));
  return value;
}
