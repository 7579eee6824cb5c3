// tools/tidy.ts - form that a program can judge: no import cycles, a docstring on every export, a header on every file.
// Owns: those three. Never: the direction of imports (rooms.ts).
import { type Source, packageSources, resolveImport } from './source.ts';

/** Everything in `sources` that breaks a rule, one line each: 'file:line: what'. */
export function tidyFaults(sources: readonly Source[]): string[] {
  return [
    ...cycles(sources).map((cycle) => `${cycle[0]}:1: imports itself through ${[...cycle.slice(1), cycle[0]].join(' -> ')}`),
    ...sources.flatMap((source) => [...headerFaults(source), ...docstringFaults(source)]),
  ];
}

function headerFaults(source: Source): string[] {
  return source.text.startsWith('//') || source.text.startsWith('#!') ? [] : [`${source.path}:1: no header says what the file owns`];
}

function docstringFaults(source: Source): string[] {
  if (source.test) return [];
  return source.exports
    .filter((exported) => !exported.documented)
    .map((exported) => `${source.path}:${exported.line}: '${exported.name}' is exported without a docstring`);
}

/** Every import cycle among values, as the files in it, each found once from its first file by name. Types vanish at load and may point both ways. */
export function cycles(sources: readonly Source[]): string[][] {
  const edges = new Map(sources.map((source) => [source.path, targets(source)]));
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (path: string, trail: string[]) => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) { found.push(trail.slice(seenAt)); return; }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function targets(source: Source): string[] {
  return source.imports
    .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
    .map(({ specifier }) => resolveImport(source, specifier));
}

if (import.meta.main) {
  const faults = tidyFaults(packageSources());
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
