// tools/mutants/dangerous.ts - the mistakes that cost data, each by name; every push tries them.
// Owns: where each one is. A place that is no longer found is a failure: the list follows the code.
import type { Mutant } from './operators.ts';

interface Named { readonly name: string; readonly file: string; readonly before: string; readonly after: string }

const named: readonly Named[] = [];

/** The named mutants. @throws Error when a place is not found, or more than once. */
export function dangerous(sources: readonly { path: string; text: string }[]): Mutant[] {
  return named.map(({ name, file, before, after }) => {
    const source = sources.find(({ path }) => path.endsWith(file));
    const from = source?.text.indexOf(before) ?? -1;
    if (source === undefined || from < 0 || source.text.indexOf(before, from + 1) >= 0) throw new Error(`Cannot find the place of '${name}' once in '${file}': correct tools/mutants/dangerous.ts`);
    return { file: source.path, line: source.text.slice(0, from).split('\n').length, operator: name, before, after, from, to: from + before.length };
  });
}
