// tools/source.ts - what the checks know of a source file: its room, imports, exports, and its code without comments and strings.
// Owns: finding and reading the files once. Never: judging them (rooms.ts, tidy.ts).
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** The folder of the repository. */
export const repository = join(import.meta.dirname, '..');

/** One import or re-export: the module it names, its line from 1, and whether only types come through. */
export interface Import { readonly specifier: string; readonly line: number; readonly typeOnly: boolean }

/** One exported declaration and whether a docstring stands right above it. */
export interface Export { readonly name: string; readonly line: number; readonly documented: boolean }

/** One file of the published package. */
export interface Source {
  /** Path from `packages/millrace/src`, with '/' between names. */
  readonly path: string;
  /** First folder of the path; '' for the package's own door. */
  readonly room: string;
  readonly test: boolean;
  readonly text: string;
  /** The text with comments blanked, strings kept: same length, same lines. */
  readonly uncommented: string;
  /** The text with comments and the insides of strings blanked: same length, same lines. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

/** Line number from 1 of a position in a text. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Every TypeScript file of the package, sorted by path. */
export function packageSources(folder = join(repository, 'packages/millrace/src')): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => name.split(sep).join('/'))
    .sort()
    .map((path) => readSource(path, readFileSync(join(folder, path), 'utf8')));
}

/** Reads one file's text into what the checks need. */
export function readSource(path: string, text: string): Source {
  const { uncommented, code } = blank(text);
  const room = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
  const test = /\.(test|fuzz|bench)\.ts$/.test(path);
  return { path, room, test, text, uncommented, code, imports: findImports(uncommented, code), exports: findExports(text, code) };
}

/** The package file that a relative import names, as a path like Source.path. */
export function resolveImport(from: Source, specifier: string): string {
  return relative('.', join(dirname(from.path), specifier)).split(sep).join('/');
}

function findImports(uncommented: string, code: string): Import[] {
  const found: Import[] = [];
  const statement = /^[ \t]*(import|export)\b(\s+type\b(?!\s*,))?([^;'"`]*?\bfrom\s*|\s*)(['"])([^'"\n]+)\4/gm;
  for (const match of uncommented.matchAll(statement)) {
    found.push({ specifier: match[5]!, line: lineAt(uncommented, match.index), typeOnly: match[2] !== undefined });
  }
  const dynamic = /\b(?:import|require)\s*\(\s*(['"])([^'"\n]+)\1/g;
  for (const match of uncommented.matchAll(dynamic)) {
    if (!/^(import|require)/.test(code.slice(match.index))) continue; // the words stand inside a string
    const typeOnly = /\btypeof\s+$/.test(code.slice(0, match.index)) || uncommented[match.index + match[0].length + 1] === '.';
    found.push({ specifier: match[2]!, line: lineAt(uncommented, match.index), typeOnly });
  }
  return found;
}

function findExports(text: string, code: string): Export[] {
  const found: Export[] = [];
  const declaration = /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|interface|type|const|let)\s+([A-Za-z_$][\w$]*)/gm;
  let last = '';
  for (const match of code.matchAll(declaration)) {
    const name = match[1]!;
    const documented = text.slice(0, match.index).trimEnd().endsWith('*/') || name === last; // overloads share one docstring
    found.push({ name, line: lineAt(code, match.index), documented });
    last = name;
  }
  return found;
}

/** Blanks comments, and in `code` also what stands inside quotes; template expressions stay code. */
function blank(text: string): { uncommented: string; code: string } {
  const uncommented = text.split('');
  const code = text.split('');
  const erase = (from: number, to: number, comment: boolean) => {
    for (let i = from; i < to; i++) {
      if (text[i] === '\n') continue;
      code[i] = ' ';
      if (comment) uncommented[i] = ' ';
    }
  };
  const templateDepths: number[] = []; // brace depth at which each open template's expression ends
  let depth = 0;
  let at = 0;
  let significant = ''; // last character of code before this one: tells a regular expression from a division
  const skipTemplate = (from: number): number => {
    let end = from;
    while (end < text.length && text[end] !== '`' && !(text[end] === '$' && text[end + 1] === '{')) end += text[end] === '\\' ? 2 : 1;
    erase(from, end, false);
    if (text[end] === '`') return end + 1;
    templateDepths.push(depth++);
    return end + 2;
  };
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === '//' || (at === 0 && two === '#!')) {
      const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
      erase(at, end, true);
      at = end;
    } else if (two === '/*') {
      const end = text.indexOf('*/', at + 2) < 0 ? text.length : text.indexOf('*/', at + 2) + 2;
      erase(at, end, true);
      at = end;
    } else if (char === "'" || char === '"') {
      let end = at + 1;
      while (end < text.length && text[end] !== char && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
      erase(at + 1, end, false);
      at = end + 1;
      significant = char;
    } else if (char === '`') {
      at = skipTemplate(at + 1);
      significant = '`';
    } else if (char === '/' && (significant === '' || '(,=:[!&|?{};+-*%<>~^'.includes(significant) || /\b(return|case|typeof)\s*$/.test(text.slice(Math.max(0, at - 10), at)))) {
      let end = at + 1;
      for (let inClass = false; end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/'); end++) {
        if (text[end] === '\\') end++;
        else if (text[end] === '[') inClass = true;
        else if (text[end] === ']') inClass = false;
      }
      erase(at + 1, end, false);
      at = end + 1;
      significant = '/';
    } else {
      if (char === '{') depth++;
      if (char === '}') depth--;
      at++;
      if (char === '}' && templateDepths.at(-1) === depth) {
        templateDepths.pop();
        at = skipTemplate(at);
      }
      if (char.trim() !== '') significant = char;
    }
  }
  return { uncommented: uncommented.join(''), code: code.join('') };
}
