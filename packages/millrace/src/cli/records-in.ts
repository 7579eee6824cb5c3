// cli/records-in.ts - what `produce` reads: bytes become lines, lines become records.
// Owns: the three forms of input and their errors, which name the line. Never: sending.
// I1 At most one chunk of input and one line are held; a line longer than `lineBytesMax` is an error.
import { MiB, MillraceError } from '../base/mod.ts';

/** One record to write, as the producer takes it. */
export interface RecordIn {
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly (readonly [string, string | Uint8Array | null])[];
  readonly timestampMs?: number;
  readonly partition?: number;
}

/** What each line is: 'lines' a value as it stands, 'json' a JSON value, 'records' an object with key, value, headers, timestamp and partition. */
export type InputForm = 'lines' | 'json' | 'records';

/** How lines become records. */
export interface InputOptions {
  readonly form: InputForm;
  /** Key of every record. */
  readonly key?: string;
  /** 'lines': the key stands before the first of these. */
  readonly keySeparator?: string;
  /** 'json': the key is this field of the object; dots go deeper. */
  readonly keyField?: string;
  /** 'json': the timestamp is this field: ISO 8601 or milliseconds. */
  readonly timestampField?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly partition?: number;
  /** 'records': write each to the partition that it names; else the key decides. */
  readonly keepPartitions?: boolean;
}

const lineBytesMax = 64 * MiB;

/**
 * Lines of a stream of bytes, many at a time as they come, without their ends ('\n' or '\r\n'); what follows the last end counts when it is
 * not empty.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  const whole = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    if (rest.length > lineBytesMax) throw new MillraceError('invalid-argument', `Cannot read the input: a line is longer than ${lineBytesMax / MiB} MiB`);
    if (lines.length > 0) yield lines.map(whole);
  }
  rest += decoder.decode();
  if (rest !== '') yield [whole(rest)];
}

/** The record of one line; undefined for a blank line of JSON. Throws 'invalid-argument' naming the line. */
export function recordOf(line: string, lineNumber: number, options: InputOptions): RecordIn | undefined {
  const fail = (why: string): never => { throw new MillraceError('invalid-argument', `Cannot read line ${lineNumber}: ${why}`, { line: lineNumber }); };
  if (options.form === 'lines') return fromText(line, options, fail);
  if (line.trim() === '') return undefined;
  const parsed = parseJson(line, fail);
  return options.form === 'json' ? fromJson(line, parsed, options, fail) : fromObject(parsed, options, fail);
}

function fromText(line: string, options: InputOptions, fail: (why: string) => never): RecordIn {
  const { key = null, keySeparator, headers, partition } = options;
  if (keySeparator === undefined) return { key, value: line, headers, partition };
  const at = line.indexOf(keySeparator);
  if (at < 0) return fail(`no '${keySeparator}' between key and value`);
  return { key: line.slice(0, at), value: line.slice(at + keySeparator.length), headers, partition };
}

function fromJson(line: string, parsed: unknown, options: InputOptions, fail: (why: string) => never): RecordIn {
  const { key = null, keyField, timestampField, headers, partition } = options;
  const found = keyField === undefined ? key : fieldOf(parsed, keyField);
  if (found === undefined) return fail(`no field '${keyField}' for the key`);
  const timestampMs = timestampField === undefined ? undefined : timestampOf(fieldOf(parsed, timestampField), timestampField, fail);
  return { key: found === null ? null : typeof found === 'string' ? found : JSON.stringify(found), value: line.trim(), headers, timestampMs, partition };
}

/** The form that `consume --json` writes: what was read can be written again. */
function fromObject(parsed: unknown, options: InputOptions, fail: (why: string) => never): RecordIn {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return fail('not an object with key, value, headers, timestamp, partition');
  const { key = options.key ?? null, value = null, headers, timestamp, partition, keyEncoding, valueEncoding } = parsed as Record<string, unknown>;
  if (partition !== undefined && (!Number.isSafeInteger(partition) || (partition as number) < 0)) return fail('partition must be a whole number');
  return {
    key: bytesOf(key, keyEncoding, 'key', fail), value: bytesOf(value, valueEncoding, 'value', fail),
    headers: [...(options.headers ?? []), ...headersOf(headers, fail)],
    timestampMs: timestamp === undefined ? undefined : timestampOf(timestamp, 'timestamp', fail),
    partition: options.partition ?? (options.keepPartitions === true ? (partition as number | undefined) : undefined),
  };
}

function parseJson(line: string, fail: (why: string) => never): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    return fail(`not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

function fieldOf(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined), value);
}

function timestampOf(value: unknown, name: string, fail: (why: string) => never): number {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isSafeInteger(ms) ? ms : fail(`'${name}' is neither a time nor milliseconds`);
}

function bytesOf(value: unknown, encoding: unknown, name: string, fail: (why: string) => never): string | Uint8Array | null {
  if (encoding !== undefined && encoding !== 'base64') return fail(`${name}Encoding must be base64`);
  if (value === null) return null;
  if (encoding === 'base64') return typeof value === 'string' ? Buffer.from(value, 'base64') : fail(`${name} must be base64`);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** An object of texts, or a list of [name, text] where a name comes twice. */
function headersOf(headers: unknown, fail: (why: string) => never): (readonly [string, string | null])[] {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object') return fail('headers must be an object of texts');
  const entries = Array.isArray(headers) ? (headers as unknown[]) : Object.entries(headers);
  return entries.map((entry) => {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== 'string' || !(entry[1] === null || typeof entry[1] === 'string')) return fail('headers must be an object of texts');
    return entry as unknown as readonly [string, string | null];
  });
}
