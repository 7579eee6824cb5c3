// wire/field.ts - the words in which messages are described: fields as frozen data, with their TypeScript types inferred.
// Owns: the builders and the two types of every field (what a decoder returns, what an encoder takes).
// Never: bytes (compile-decode.ts, compile-encode.ts). How to read a schema: docs/formats/messages.md.
import { allVersions, noVersions, versionRange, type VersionRange } from './versions.ts';

/** Kinds of value that take no further description. */
export type ScalarKind =
  | 'bool' | 'int8' | 'int16' | 'uint16' | 'int32' | 'int64' | 'wide64' | 'bits64' | 'float64'
  | 'uuid' | 'string' | 'bytes' | 'records';

/** What stands in one place of a message. */
export type Shape =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'struct'; readonly fields: Fields }
  | { readonly kind: 'array'; readonly element: Shape };

/** A value that a field has when nobody gave one. `undefined` stands for the kind's own: 0, '', [], a struct of defaults, null for records. */
export type Default = number | bigint | boolean | string | null | undefined;

declare const decoded: unique symbol;
declare const encodable: unique symbol;

/** One field: where it exists, how it is written, what it defaults to. `Out` is what decoders return, `In` what encoders take. */
export interface Field<Out, In = Out> {
  readonly shape: Shape;
  /** Versions that carry the field. */
  readonly versions: VersionRange;
  /** Versions in which it may be null. */
  readonly nullable: VersionRange;
  readonly defaultValue: Default;
  /** Number of the tag it is written under; null for a field in the body. */
  readonly tag: number | null;
  /** True when its length stays in the old form in flexible versions (only the client id of the request header). */
  readonly oldLength: boolean;
  readonly [decoded]?: Out;
  readonly [encodable]?: In;
}

/** Named fields in the order in which they are written. */
export type Fields = { readonly [name: string]: Field<any, any> };

/** What a decoder returns for these fields: every field present. */
export type DecodedFields<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer Out, any> ? Out : never };

/** What an encoder takes for these fields: what is left out has its default. */
export type EncodableFields<F extends Fields> = { readonly [K in keyof F]?: F[K] extends Field<any, infer In> ? In : never };

/** What is said about a field besides its kind. */
export interface FieldOptions {
  readonly default?: Default;
  readonly tag?: number;
  readonly oldLength?: boolean;
}

/** The versions that carry a field (all of its message or struct when left out), or its options when there is no more to say. */
export type VersionsOrOptions = string | FieldOptions;

function field<Out, In = Out>(shape: Shape, first?: VersionsOrOptions, second?: FieldOptions): Field<Out, In> {
  const options = (typeof first === 'object' ? first : second) ?? {};
  return Object.freeze({
    shape,
    versions: typeof first === 'string' ? versionRange(first) : allVersions,
    nullable: noVersions,
    defaultValue: options.default,
    tag: options.tag ?? null,
    oldLength: options.oldLength ?? false,
  });
}

const shapes = new Map<ScalarKind, Shape>();
function scalar(kind: ScalarKind): Shape {
  let shape = shapes.get(kind);
  if (shape === undefined) shapes.set(kind, (shape = Object.freeze({ kind })));
  return shape;
}

/** A boolean in one byte: 0 is false, anything else true. */
export const bool = (versions?: VersionsOrOptions, options?: FieldOptions): Field<boolean> => field(scalar('bool'), versions, options);
/** A signed byte. */
export const int8 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('int8'), versions, options);
/** Two bytes, big-endian, signed. */
export const int16 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('int16'), versions, options);
/** Two bytes, big-endian, unsigned. */
export const uint16 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('uint16'), versions, options);
/** Four bytes, big-endian, signed. */
export const int32 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('int32'), versions, options);
/** Eight bytes as a number; beyond plus or minus 2^53-1 it is refused, because it would lose digits. */
export const int64 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('int64'), versions, options);
/**
 * Eight bytes as a number, for what peers fill with Long.MAX_VALUE to say "no bound": beyond 2^53-1 it reads as Infinity and below
 * -(2^53-1) as -Infinity, so comparisons hold; these two write as the largest and the smallest long.
 */
export const wide64 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('wide64'), versions, options);
/** Eight bytes whose every bit counts (a hash), as a bigint. */
export const bits64 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<bigint> => field(scalar('bits64'), versions, options);
/** Eight bytes, IEEE 754. */
export const float64 = (versions?: VersionsOrOptions, options?: FieldOptions): Field<number> => field(scalar('float64'), versions, options);
/** Sixteen bytes as the 22 characters of unpadded base64url that Kafka prints. */
export const uuid = (versions?: VersionsOrOptions, options?: FieldOptions): Field<string> => field(scalar('uuid'), versions, options);
/** UTF-8 behind its length. */
export const string = (versions?: VersionsOrOptions, options?: FieldOptions): Field<string> => field(scalar('string'), versions, options);
/** Opaque bytes behind their length; decoded as a view into the frame. */
export const bytes = (versions?: VersionsOrOptions, options?: FieldOptions): Field<Uint8Array> => field(scalar('bytes'), versions, options);
/** Record batches behind their length: decoded as a view, encoded without a copy from one piece or several. */
export const records = (versions?: VersionsOrOptions, options?: FieldOptions): Field<Uint8Array, Uint8Array | readonly Uint8Array[]> =>
  field(scalar('records'), versions, options);

/** Fields within a field. */
export const struct = <F extends Fields>(fields: F, versions?: VersionsOrOptions, options?: FieldOptions): Field<DecodedFields<F>, EncodableFields<F>> =>
  field(Object.freeze({ kind: 'struct', fields: Object.freeze(fields) }), versions, options);

/** Many of one thing: `array(int32())`, or `array(struct({...}))`. */
export const array = <Out, In>(element: Field<Out, In>, versions?: VersionsOrOptions, options?: FieldOptions): Field<Out[], readonly In[]> =>
  field(Object.freeze({ kind: 'array', element: element.shape }), versions, options);

/** The same field, which may be null in `versions` (all of its own when left out). */
export const nullable = <Out, In>(of: Field<Out, In>, versions?: string): Field<Out | null, In | null> =>
  Object.freeze({ ...of, nullable: versions === undefined ? allVersions : versionRange(versions) }) as Field<Out | null, In | null>;
