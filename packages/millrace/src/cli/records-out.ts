// cli/records-out.ts - how `consume` shows a record: its value, a line with everything, or JSON that `produce --format records` reads back.
// O1 What is not UTF-8 is base64 in JSON and is named so; nothing is lost in that form.
import { isUtf8 } from 'node:buffer';
import type { ConsumedRecord } from '../client/mod.ts';

/** The forms: 'value', 'key-value' (parted by a tab), 'all' (a line for people), 'json'. */
export type OutputForm = { readonly kind: 'value' } | { readonly kind: 'key-value' } | { readonly kind: 'all' } | { readonly kind: 'json'; readonly parse: boolean };

/** One record as one line without its end. */
export function lineOf(record: ConsumedRecord, form: OutputForm): string {
  switch (form.kind) {
    case 'value': return record.text() ?? '';
    case 'key-value': return `${record.keyText() ?? ''}\t${record.text() ?? ''}`;
    case 'all': return `${record.topic}-${record.partition}@${record.offset} ${timeText(record.timestampMs)} ${record.keyText() ?? '-'} ${record.text() ?? '(tombstone)'}${headersText(record)}`;
    case 'json': return JSON.stringify(jsonOf(record, form.parse));
  }
}

function jsonOf(record: ConsumedRecord, parse: boolean): Record<string, unknown> {
  const { topic, partition, offset, timestampMs } = record;
  return {
    topic, partition, offset, ...(timestampMs >= 0 ? { timestamp: timestampMs } : {}), ...textOrBase64('key', record.key), ...(parse ? parsedOr(record) : textOrBase64('value', record.value)),
    headers: headersOf(record),
  };
}

function textOrBase64(name: 'key' | 'value', bytes: Uint8Array | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { [name]: buffer.toString() } : { [name]: buffer.toString('base64'), [`${name}Encoding`]: 'base64' };
}

function parsedOr(record: ConsumedRecord): Record<string, unknown> {
  try {
    return { value: record.json() };
  } catch {
    return textOrBase64('value', record.value);
  }
}

/** An object, or a list of pairs where a name comes twice. */
function headersOf({ headers }: ConsumedRecord): Record<string, string | null> | (readonly [string, string | null])[] {
  const pairs = headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()] as const);
  return new Set(pairs.map(([name]) => name)).size === pairs.length ? Object.fromEntries(pairs) : pairs;
}

function headersText(record: ConsumedRecord): string {
  return record.headers.length === 0 ? '' : ` {${record.headers.map(({ key, value }) => `${key}=${value === null ? '' : Buffer.from(value).toString()}`).join(', ')}}`;
}

const timeText = (ms: number): string => (ms < 0 ? '-' : new Date(ms).toISOString());
