// wire/plan.ts - one message in one version, as the compilers see it: which fields are there, tagged or not, and how small they can be.
// Owns: everything that depends on the version but not on the direction. Never: code or bytes.
import { assert } from '../base/mod.ts';
import type { Message } from './api.ts';
import { isFlexible } from './api.ts';
import type { Default, Field, Fields, Shape } from './field.ts';
import { inVersions } from './versions.ts';

/** A field of one version. */
export interface PlannedField {
  readonly name: string;
  readonly shape: PlannedShape;
  readonly nullable: boolean;
  readonly defaultValue: Default;
  /** True when lengths are varints. */
  readonly compact: boolean;
}

/** A shape of one version. */
export type PlannedShape =
  | { readonly kind: Exclude<Shape['kind'], 'struct' | 'array'> }
  | { readonly kind: 'struct'; readonly struct: PlannedStruct }
  | { readonly kind: 'array'; readonly element: PlannedShape };

/** A struct of one version: `names` has every field of every version in order, so that all decoded objects look alike. */
export interface PlannedStruct {
  readonly names: readonly string[];
  readonly body: readonly PlannedField[];
  readonly tagged: readonly (PlannedField & { readonly tag: number })[];
  /** Fields that this version does not carry; decoders fill in their defaults. */
  readonly absent: readonly PlannedField[];
  readonly flexible: boolean;
  /** Fewest bytes that it can take. */
  readonly bytesMin: number;
}

/** Lays out `message` in `version`. */
export function plan(message: Message, version: number): PlannedStruct {
  return planStruct(message.fields, version, isFlexible(message, version));
}

function planStruct(fields: Fields, version: number, flexible: boolean): PlannedStruct {
  const body: PlannedField[] = [];
  const tagged: (PlannedField & { tag: number })[] = [];
  const absent: PlannedField[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const planned = planField(name, field, version, flexible);
    if (!inVersions(field.versions, version)) absent.push(planned);
    else if (field.tag === null) body.push(planned);
    else tagged.push({ ...planned, tag: field.tag });
  }
  assert(tagged.length === 0 || flexible, 'only flexible versions have tagged fields');
  tagged.sort((a, b) => a.tag - b.tag);
  const bytesMin = body.reduce((total, field) => total + fieldBytesMin(field), flexible ? 1 : 0);
  return { names: Object.keys(fields), body, tagged, absent, flexible, bytesMin };
}

function planField(name: string, field: Field<unknown>, version: number, flexible: boolean): PlannedField {
  return {
    name,
    shape: planShape(field.shape, version, flexible),
    nullable: inVersions(field.nullable, version),
    defaultValue: field.defaultValue,
    compact: flexible && !field.oldLength,
  };
}

function planShape(shape: Shape, version: number, flexible: boolean): PlannedShape {
  if (shape.kind === 'struct') return { kind: 'struct', struct: planStruct(shape.fields, version, flexible) };
  if (shape.kind === 'array') return { kind: 'array', element: planShape(shape.element, version, flexible) };
  return { kind: shape.kind };
}

const fixedBytes = {
  bool: 1, int8: 1, int16: 2, uint16: 2, int32: 4, int64: 8, wide64: 8, bits64: 8, float64: 8, uuid: 16,
} as const;

function fieldBytesMin(field: PlannedField): number {
  if (field.shape.kind === 'struct' && field.nullable) return 1;
  return shapeBytesMin(field.shape, field.compact);
}

/** Fewest bytes that a value of this shape takes; an array's elements are counted one by one when its count is read. */
export function shapeBytesMin(shape: PlannedShape, compact: boolean): number {
  switch (shape.kind) {
    case 'struct': return shape.struct.bytesMin;
    case 'string': return compact ? 1 : 2;
    case 'bytes': case 'records': case 'array': return compact ? 1 : 4;
    default: return fixedBytes[shape.kind];
  }
}
