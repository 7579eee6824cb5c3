// wire/compile-context.ts - the function that a codec compiler is writing: its lines, its variables, and which field each step stands for.
// Owns: fresh names, and the way from a step number and loop indexes back to a field path when a call fails. Never: what the lines do.
import type { Message } from './api.ts';
import { withField } from './fault.ts';
import { emptyBytes } from './reader.ts';

/** Code under construction. Variable `s` holds the current step, `i0`, `i1` ... the indexes of nested arrays. */
export class CompileContext {
  readonly #lines: string[] = [];
  /** Field paths by step number; step 0 is before the first field. */
  readonly #paths: string[] = ['its start'];
  #names = 0;
  #depth = 0;

  line(code: string): void { this.#lines.push(code); }

  /** Code that remembers which field comes next. */
  step(path: string): void { this.line(`s = ${this.#paths.push(path) - 1};`); }

  /** A variable name that nothing else has. */
  fresh(): string { return `v${this.#names++}`; }

  /** The index variable of arrays nested `level` deep. */
  index(level: number): string {
    this.#depth = Math.max(this.#depth, level + 1);
    return `i${level}`;
  }

  /** Makes the function. `parameters` and `result` are code; what fails in it is thrown with its field. */
  build(of: Message, version: number, verb: 'decode' | 'encode', parameters: string, result: string): Function {
    const indexes = Array.from({ length: this.#depth }, (_, level) => `i${level}`);
    const code = `'use strict';
return function ${verb}(${parameters}) {
  let s = 0${indexes.map((name) => `, ${name} = 0`).join('')};
  try {
${this.#lines.join('\n')}
    return ${result};
  } catch (error) {
    throw located(error, s, [${indexes.join(', ')}]);
  }
};`;
    const located = (error: unknown, step: number, at: number[]): unknown =>
      withField(error, { verb, message: of.name, version, path: this.#paths[step]!, indexes: at });
    return new Function('located', 'emptyBytes', 'isObject', code)(located, emptyBytes, isObject) as Function;
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** `path` with a field's name behind it. */
export const joinPath = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
