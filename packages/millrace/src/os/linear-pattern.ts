// os/linear-pattern.ts - patterns that are matched in linear time, in RE2's syntax: what strangers may send without stalling a node.
// Owns: the only name of the library (re2js); it is loaded at its first use, because most nodes never meet a pattern. Compiling is bounded, too: by the
// text's length, and by what its repetitions multiply it to.
import { createRequire } from 'node:module';
import { MillraceError } from '../base/mod.ts';
import { patternSizeBound } from './pattern-size.ts';

/** True for a text that the pattern matches. */
export type LinearPattern = (text: string) => boolean;

interface Compiled { testExact(text: string): boolean; test(text: string): boolean; programSize(): number }
interface Library { readonly RE2JS: { compile(text: string): Compiled } }

const require = createRequire(import.meta.url);
let library: Library | undefined;

/**
 * Compiles a pattern in RE2's syntax (no backreferences, no lookaround). Throws 'invalid-argument' when it is none, or takes more than `sizeMax` steps.
 * @example linearPattern('orders-.*', 1000)('orders-eu')
 */
export function linearPattern(text: string, sizeMax: number): LinearPattern {
  const pattern = compiled(text, sizeMax);
  return (name) => pattern.testExact(name);
}

/**
 * The same for a pattern that is looked for anywhere in a text.
 * @example linearSearch('eu', 1000)('orders-eu-1')
 */
export function linearSearch(text: string, sizeMax: number): LinearPattern {
  const pattern = compiled(text, sizeMax);
  return (content) => pattern.test(content);
}

function compiled(text: string, sizeMax: number): Compiled {
  const fail = (why: string): never => { throw new MillraceError('invalid-argument', `\`${text.slice(0, 100)}\` is not a valid regular expression: ${why}.`); };
  if (text.length > sizeMax) fail(`it is longer than ${sizeMax} characters`);
  if (patternSizeBound(text) > sizeMax) fail(tooLarge(sizeMax));
  library ??= require('re2js') as Library;
  try {
    const pattern = library.RE2JS.compile(text);
    if (pattern.programSize() <= sizeMax) return pattern;
  } catch (error) {
    fail((error as Error).message.replace(/^error parsing regexp: /, ''));
  }
  return fail(tooLarge(sizeMax));
}

function tooLarge(sizeMax: number): string {
  return `matching it may take more than ${sizeMax} steps per character`;
}
