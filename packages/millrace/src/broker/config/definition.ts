// broker/config/definition.ts - what a configuration key is, and how its text becomes a value.
// Owns: parsing and range checks of single values. Never: which keys exist (topic-definitions.ts, node-definitions.ts).
// C1 Values are kept as the text that the user gave, as Kafka does; they are parsed once, when they take effect.
import { MillraceError } from '../../base/mod.ts';

/** Kinds of value, by Kafka's names. */
export type ConfigKind = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list' | 'password';

/** One configuration key. */
export interface ConfigDefinition {
  readonly name: string;
  readonly kind: ConfigKind;
  /** Text of the default, as Kafka prints it; null when there is none. */
  readonly defaultText: string | null;
  readonly min?: number;
  readonly max?: number;
  /** The only texts allowed (for a list: the only elements). */
  readonly allowed?: readonly string[];
  /** What the whole text must look like, and what is said when it does not. */
  readonly form?: { readonly pattern: RegExp; readonly why: string };
  /** The form of each element of a list. */
  readonly element?: RegExp;
  /** What is refused although Kafka takes it, with the reason told to the user. */
  readonly refused?: Readonly<Record<string, string>>;
  /** The reason of what is refused is all that is told. */
  readonly refusedPlainly?: boolean;
  /** For a topic's key: the node's key that gives its default. */
  readonly nodeName?: string;
  /** For a node's key: may be altered while the node runs. */
  readonly dynamic?: boolean;
  /** For a node's key: may be set for one listener, too. */
  readonly perListener?: boolean;
  readonly documentation: string;
}

const int32Max = 2 ** 31 - 1;
const int64Max = 2n ** 63n - 1n;

/**
 * Checks the text of one value. Throws 'invalid-argument' with a message fit for a client; trying again does not help.
 * @example checkConfigValue(topicDefinitions.get('retention.ms')!, '-1');
 */
export function checkConfigValue(definition: ConfigDefinition, text: string): void {
  const { name, kind, allowed, refused } = definition;
  const told = shownConfigValue(definition, text);
  const fail = (why: string, value = told): never => { throw new MillraceError('invalid-argument', `Invalid value ${value} for configuration ${name}: ${why}`, { name, value: told }); };
  if (kind === 'boolean') {
    if (!/^\s*(true|false)\s*$/i.test(text)) fail('Expected value to be either true or false');
  } else if (kind === 'int' || kind === 'long') {
    checkWhole(definition, text, fail);
  } else if (kind === 'double') {
    if (text.trim() === '' || !Number.isFinite(Number(text))) fail('Not a number of type DOUBLE');
    checkRange(definition, Number(text), fail);
  }
  if (definition.form !== undefined && !definition.form.pattern.test(text.trim())) throw new MillraceError('invalid-argument', `${name} ${definition.form.why}`, { name, value: text });
  if (kind === 'list' && allowed) checkList(name, text);
  const elements = kind === 'list' ? configList(text) : [kind === 'boolean' ? text.trim().toLowerCase() : text];
  for (const element of elements) {
    const reason = refused && Object.hasOwn(refused, element) ? refused[element] : undefined;
    if (reason !== undefined && definition.refusedPlainly === true) throw new MillraceError('invalid-argument', reason, { name, value: text });
    if (reason !== undefined) fail(reason, element);
    if (definition.element?.test(element) === false) fail(`'${element}' is not of its form`);
    if (allowed && !allowed.includes(element)) fail(`String must be one of: ${allowed.join(', ')}`, element);
  }
}

/** A list of words: none empty; no word at all is a list, too, and one that stands twice counts once. */
function checkList(name: string, text: string): void {
  if (text.trim() === '' || text.split(',').every((element) => element.trim() !== '')) return;
  throw new MillraceError('invalid-argument', `Configuration '${name}' values must not be empty.`, { name, value: text });
}

/** The text as it may be told: a password is in no error, line or answer. */
export function shownConfigValue(definition: ConfigDefinition, text: string): string {
  return definition.kind === 'password' ? '[hidden]' : text;
}

function checkWhole(definition: ConfigDefinition, text: string, fail: (why: string, value?: string) => never): void {
  const kindName = definition.kind.toUpperCase();
  if (!/^\s*[+-]?\d{1,19}\s*$/.test(text)) fail(`Not a number of type ${kindName}`);
  const exact = BigInt(text.trim().replace(/^\+/, ''));
  const limit = definition.kind === 'int' ? BigInt(int32Max) : int64Max;
  if (exact > limit || exact < -limit - 1n) fail(`Not a number of type ${kindName}`);
  checkRange(definition, Number(exact), fail);
}

function checkRange(definition: ConfigDefinition, value: number, fail: (why: string, value?: string) => never): void {
  const shown = definition.kind === 'double' && Number.isInteger(value) ? `${value}.0` : String(value); // as Kafka prints it
  if (definition.min !== undefined && value < definition.min) fail(`Value must be at least ${definition.min}`, shown);
  if (definition.max !== undefined && value > definition.max) fail(`Value must be no more than ${definition.max}`, shown);
}

/** A whole number; what is past 2^53-1 (Kafka's "for ever" is 2^63-1) becomes Number.MAX_SAFE_INTEGER. */
export function configNumber(text: string): number {
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

/** True for 'true' in any case. */
export function configBoolean(text: string): boolean {
  return text.trim().toLowerCase() === 'true';
}

/** Elements of a comma-separated list, without blanks and empties. */
export function configList(text: string): string[] {
  return text.split(',').map((element) => element.trim()).filter((element) => element !== '');
}
