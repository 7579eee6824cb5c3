// wire/api.ts - what a message pair is: its key, its versions, and the fields of request and response.
// Owns: the descriptor types. Never: bytes, and which of them a broker chooses to advertise.
import type { DecodedFields, EncodableFields, Fields } from './field.ts';
import { inVersions, versionRange, type VersionRange } from './versions.ts';

/** One struct in all its versions: a request, a response, a header, or the value of a record. */
export interface Message<F extends Fields = Fields> {
  /** Name in error messages, such as 'Produce request'. */
  readonly name: string;
  /** Versions that can be written and read. */
  readonly versions: VersionRange;
  /** Versions in the flexible form: compact lengths, tagged fields. */
  readonly flexible: VersionRange;
  readonly fields: F;
}

/** A request and its response. */
export interface Api<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly name: string;
  readonly key: number;
  readonly versions: VersionRange;
  readonly flexible: VersionRange;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
}

/** What decodeRequest returns for `A`. */
export type RequestOf<A extends Api<any, any>> = A extends Api<infer F, any> ? DecodedFields<F> : never;
/** What decodeResponse returns for `A`. */
export type ResponseOf<A extends Api<any, any>> = A extends Api<any, infer F> ? DecodedFields<F> : never;
/** What encodeRequest takes for `A`: fields left out have Kafka's defaults; fields that the version does not carry are not sent. */
export type RequestInit<A extends Api<any, any>> = A extends Api<infer F, any> ? EncodableFields<F> : never;
/** What encodeResponse takes for `A`. */
export type ResponseInit<A extends Api<any, any>> = A extends Api<any, infer F> ? EncodableFields<F> : never;
/** What decodeMessage returns for `M`. */
export type ValueOf<M extends Message<any>> = M extends Message<infer F> ? DecodedFields<F> : never;
/** What encodeMessage takes for `M`. */
export type ValueInit<M extends Message<any>> = M extends Message<infer F> ? EncodableFields<F> : never;

/**
 * Describes a message pair.
 * @example
 * const Heartbeat = api({ name: 'Heartbeat', key: 12, versions: '0-4', flexible: '4+',
 *   request: { groupId: string(), generationId: int32(), memberId: string(), groupInstanceId: nullable(string('3+')) },
 *   response: { throttleTimeMs: int32('1+'), errorCode: int16() } });
 */
export function api<Request extends Fields, Response extends Fields>(of: {
  name: string; key: number; versions: string; flexible: string; request: Request; response: Response;
}): Api<Request, Response> {
  const versions = versionRange(of.versions);
  const flexible = versionRange(of.flexible);
  return Object.freeze({
    name: of.name, key: of.key, versions, flexible,
    request: Object.freeze({ name: `${of.name} request`, versions, flexible, fields: Object.freeze(of.request) }),
    response: Object.freeze({ name: `${of.name} response`, versions, flexible, fields: Object.freeze(of.response) }),
  });
}

/** Describes a struct of its own, such as the value of a record in an internal topic. */
export function message<F extends Fields>(of: { name: string; versions: string; flexible: string; fields: F }): Message<F> {
  return Object.freeze({
    name: of.name, versions: versionRange(of.versions), flexible: versionRange(of.flexible), fields: Object.freeze(of.fields),
  });
}

/** True when `version` of this message has compact lengths and tagged fields. */
export const isFlexible = (of: Message | Api, version: number): boolean => inVersions(of.flexible, version);
