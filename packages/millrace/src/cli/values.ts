// cli/values.ts - texts of flags, variables and files become values, or an error that names the flag and the form it wants.
// Owns: the forms. Every failure is 'invalid-argument' with `usage: true`: exit code 2.
import { MillraceError } from '../base/mod.ts';

/** Host and port of a listener or server. */
export interface Address { readonly host: string; readonly port: number }

/** A wrong flag, argument or setting: exit code 2. */
export function usageError(message: string, data: Record<string, unknown> = {}): MillraceError {
  return new MillraceError('invalid-argument', message, { ...data, usage: true });
}

const wrong = (name: string, text: string, form: string): MillraceError => usageError(`Cannot use '${text}' for ${name}: it must be ${form}`);

/** A whole number within bounds. @example parseWhole('--port', '9092', 0, 65535) === 9092 */
export function parseWhole(name: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  if (!/^[+-]?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < min || value > max) throw wrong(name, text, `a whole number ${bounds}`);
  return value;
}

/** A number greater than zero. */
export function parsePositive(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw wrong(name, text, 'a number greater than zero');
  return value;
}

/** One of a few words. */
export function parseChoice<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw wrong(name, text, `one of ${choices.join(', ')}`);
  return found;
}

/** True or false, as people write it. */
export function parseBoolean(name: string, text: string): boolean {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  throw wrong(name, text, 'true or false');
}

/** 'HOST:PORT', 'HOST' (with the default port) or '[IPv6]:PORT'. @example parseAddress('--server', 'localhost:9092', 9092) */
export function parseAddress(name: string, text: string, portDefault?: number): Address {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d+))?$/.exec(text.trim());
  const port = match?.[3] === undefined ? portDefault : Number(match[3]);
  if (match === null || port === undefined || port > 65535) throw wrong(name, text, 'an address such as 127.0.0.1:9092');
  return { host: match[1] ?? match[2]!, port };
}

/** 'KEY=VALUE'; the value may hold further '='. */
export function parsePair(name: string, text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw wrong(name, text, 'of the form KEY=VALUE');
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/** An instant: ISO 8601 (a date alone is midnight UTC), or milliseconds since 1970. Returns milliseconds. */
export function parseInstant(name: string, text: string): number {
  const ms = /^\d{10,}$/.test(text) ? Number(text) : /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(ms)) throw wrong(name, text, 'a time such as 2026-11-21, 2026-11-21T08:00:00Z or milliseconds since 1970');
  return ms;
}

/** Commander's collector for a flag that may be repeated. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
