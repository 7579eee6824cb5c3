// wire/codec.ts - whole frames: headers and bodies of requests and responses, and structs on their own.
// Owns: the two header forms, and the cache of compiled encoders and decoders (one per message, version and direction, made at first use).
// C1 a decoded response or struct was read to its last byte; only behind a request bytes are passed over, as Kafka does.
// C2 decoded bytes are views into the frame; encoded records are the caller's own parts.
// Never: sockets, and which versions a broker advertises.
import { MillraceError } from '../base/mod.ts';
import type { Api, Message, RequestInit, RequestOf, ResponseInit, ResponseOf, ValueInit, ValueOf } from './api.ts';
import { isFlexible } from './api.ts';
import { compileDecoder, type Decoder } from './compile-decode.ts';
import { compileEncoder, type Encoder } from './compile-encode.ts';
import { errorCodes } from './error-codes.ts';
import { Fault } from './fault.ts';
import { Reader } from './reader.ts';
import { ImportBatches } from './own/import-batches.ts';
import { apis, ApiVersions } from './schema/mod.ts';
import { inVersions } from './versions.ts';
import { Writer } from './writer.ts';

/** What stands before every request. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** Where the body starts in the frame. Meaningless when the key or version is not known here. */
  readonly bodyAt: number;
}

const byKey = new Map<number, Api>([...apis, ImportBatches].map((api) => [api.key, api]));
const decoders = new Map<Message, Decoder[]>();
const encoders = new Map<Message, Encoder[]>();

/** The message pair with this key; undefined when Millrace does not know it. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key);
}

/**
 * Reads the header of a request `frame` (without its four bytes of size). A known key with a flexible version has tagged fields before its
 * body; for unknown keys and versions only the fields that every header has are read, so that an error can be answered.
 * Throws 'invalid-bytes' when the frame is cut.
 */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame);
  try {
    const apiKey = reader.int16();
    const apiVersion = reader.int16();
    const correlationId = reader.int32();
    const clientId = reader.nullableString16();
    const api = byKey.get(apiKey);
    if (api !== undefined && inVersions(api.versions, apiVersion) && isFlexible(api, apiVersion)) skipTags(reader);
    return { apiKey, apiVersion, correlationId, clientId, bodyAt: reader.at };
  } catch (error) {
    throw headerError(error, 'request header');
  }
}

/**
 * Reads the body of a request that starts at `bodyAt`. Bytes behind its last field are passed over, as Kafka does: librdkafka leaves three of
 * them when it asks for the metadata of all topics. Throws 'unsupported-version' or 'invalid-bytes' (with field and position).
 * @example decodeRequest(Produce, header.apiVersion, frame, header.bodyAt).topicData
 */
export function decodeRequest<A extends Api<any, any>>(api: A, version: number, frame: Uint8Array, bodyAt: number): RequestOf<A> {
  return decoderOf(api.request, version)(new Reader(frame, bodyAt)) as RequestOf<A>;
}

/**
 * Writes a request as parts that begin with its four bytes of size. Records are parts of their own, not copied: do not change them until the
 * parts were sent. Throws 'unsupported-version', or 'invalid-argument' naming the field that does not fit.
 */
export function encodeRequest<A extends Api<any, any>>(
  api: A, version: number, header: { correlationId: number; clientId: string | null }, body: RequestInit<A>,
): Uint8Array[] {
  const encode = encoderOf(api.request, version);
  return written(true, `${api.name} request`, (writer) => {
    writer.int32(0);
    writer.int16(api.key);
    writer.int16(version);
    writer.int32(header.correlationId);
    writer.nullableString16(header.clientId);
    if (isFlexible(api, version)) writer.uvarint(0);
    encode(writer, body);
  });
}

/**
 * Reads a response `frame` (without its four bytes of size) to a request of `version`. A broker that does not speak the version of an
 * ApiVersions request answers in version 0 with error 35 (KIP-511): that is recognised and read as such.
 * Throws 'unsupported-version' or 'invalid-bytes'.
 */
export function decodeResponse<A extends Api<any, any>>(api: A, version: number, frame: Uint8Array): { correlationId: number; body: ResponseOf<A> } {
  const reader = new Reader(frame);
  let correlationId: number;
  try {
    correlationId = reader.int32();
    if (hasResponseTags(api, version)) skipTags(reader);
  } catch (error) {
    throw headerError(error, 'response header');
  }
  const bodyVersion = isVersionRefusal(api, frame) ? 0 : version;
  return { correlationId, body: decodeBody(api.response, bodyVersion, reader) as ResponseOf<A> };
}

/** The correlation id of a response frame (without size). Throws 'invalid-bytes' when it is cut. */
export function decodeCorrelationId(frame: Uint8Array): number {
  try {
    return new Reader(frame).int32();
  } catch (error) {
    throw headerError(error, 'response header');
  }
}

/** Writes a response as parts that begin with its four bytes of size; see encodeRequest for records and errors. */
export function encodeResponse<A extends Api<any, any>>(api: A, version: number, correlationId: number, body: ResponseInit<A>): Uint8Array[] {
  const encode = encoderOf(api.response, version);
  return written(true, `${api.name} response`, (writer) => {
    writer.int32(0);
    writer.int32(correlationId);
    if (hasResponseTags(api, version)) writer.uvarint(0);
    encode(writer, body);
  });
}

/** Reads a struct that fills `bytes`. Throws 'unsupported-version' or 'invalid-bytes'. */
export function decodeMessage<M extends Message<any>>(message: M, version: number, bytes: Uint8Array): ValueOf<M> {
  return decodeBody(message, version, new Reader(bytes)) as ValueOf<M>;
}

/** Writes a struct in one piece. Throws 'unsupported-version' or 'invalid-argument'. */
export function encodeMessage<M extends Message<any>>(message: M, version: number, value: ValueInit<M>): Uint8Array {
  const encode = encoderOf(message, version);
  return joined(written(false, message.name, (writer) => encode(writer, value)));
}

/**
 * Reads a struct behind its two bytes of version, the form of values in internal topics and of consumer subscriptions and assignments. A version
 * newer than known is read as the newest known, trailing bytes and all, when `lenient` (what clients do with each other's metadata).
 */
export function decodeVersioned<M extends Message<any>>(message: M, bytes: Uint8Array, lenient = false): { version: number; value: ValueOf<M> } {
  const reader = new Reader(bytes);
  let version: number;
  try {
    version = reader.int16();
  } catch (error) {
    throw headerError(error, message.name);
  }
  if (!lenient) return { version, value: decodeBody(message, version, reader) as ValueOf<M> };
  const known = Math.min(version, message.versions.max);
  return { version, value: decoderOf(message, known)(reader) as ValueOf<M> };
}

/** Writes a struct behind its two bytes of version. */
export function encodeVersioned<M extends Message<any>>(message: M, version: number, value: ValueInit<M>): Uint8Array {
  return encodePrefixed(message, version, version, value);
}

/** Writes a struct of `version` behind two bytes that say something else: the type of a key in `__consumer_offsets`. */
export function encodePrefixed<M extends Message<any>>(message: M, prefix: number, version: number, value: ValueInit<M>): Uint8Array {
  const encode = encoderOf(message, version);
  return joined(written(false, message.name, (writer) => {
    writer.int16(prefix);
    encode(writer, value);
  }));
}

/** Reads a struct of `version` that starts at `at` (behind a prefix that the caller has read) and fills the rest. */
export function decodeMessageAt<M extends Message<any>>(message: M, version: number, bytes: Uint8Array, at: number): ValueOf<M> {
  return decodeBody(message, version, new Reader(bytes, at)) as ValueOf<M>;
}

function decodeBody(message: Message<any>, version: number, reader: Reader): unknown {
  const body = decoderOf(message, version)(reader);
  if (reader.at !== reader.end) throw headerError(new Fault(`${reader.end - reader.at} bytes too many`, reader.at), message.name, version);
  return body;
}

function written(sized: boolean, name: string, write: (writer: Writer) => void): Uint8Array[] {
  const writer = new Writer();
  try {
    write(writer);
    return writer.finish(sized);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new MillraceError('invalid-argument', `Cannot encode '${name}': ${error.reason}`, { message: name });
  }
}

function decoderOf(message: Message, version: number): Decoder {
  let versions = decoders.get(message);
  if (versions === undefined) decoders.set(message, (versions = []));
  return versions[version] ?? (versions[version] = compileDecoder(message, checked(message, version)));
}

function encoderOf(message: Message, version: number): Encoder {
  let versions = encoders.get(message);
  if (versions === undefined) encoders.set(message, (versions = []));
  return versions[version] ?? (versions[version] = compileEncoder(message, checked(message, version)));
}

function checked(message: Message, version: number): number {
  if (Number.isInteger(version) && inVersions(message.versions, version)) return version;
  throw new MillraceError('unsupported-version',
    `Cannot use '${message.name}' version ${version}: known are ${message.versions.min} to ${message.versions.max}`,
    { message: message.name, version });
}

/** The response to ApiVersions has no tagged fields in its header, because it may answer a version that the broker does not know. */
function hasResponseTags(api: Api<any, any>, version: number): boolean {
  return api.key !== ApiVersions.key && isFlexible(api, version);
}

function isVersionRefusal(api: Api<any, any>, frame: Uint8Array): boolean {
  return api.key === ApiVersions.key && frame.length > 5 && ((frame[4]! << 8) | frame[5]!) === errorCodes.UNSUPPORTED_VERSION;
}

function skipTags(reader: Reader): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    reader.uvarint();
    reader.skip(reader.tagBytes());
  }
}

function headerError(error: unknown, what: string, version?: number): unknown {
  if (!(error instanceof Fault)) return error;
  const of = version === undefined ? '' : ` version ${version}`;
  return new MillraceError('invalid-bytes', `Cannot decode '${what}'${of}: at byte ${error.position}: ${error.reason}`, {
    message: what, version, position: error.position,
  });
}

function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
