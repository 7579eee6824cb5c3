// tools/rooms.ts - imports between rooms go down only, through mod.ts; the machine is touched only behind the doors.
// Owns: the floors, and every exception with its reason. Never: form (tidy.ts).
// R1 A room imports rooms of lower floors, through their mod.ts; sideways only over a listed edge. R2 `node:` modules, clocks,
// timers, chance and the network stand only in `os` and the doors. R3 Each exception is used: one that is not is a failure too.
import { type Source, lineAt, packageSources, resolveImport } from './source.ts';

/** The floor of each room; a room that is missing here is a failure. '' is the package's own door. */
export const floors: Readonly<Record<string, number>> = {
  base: 0, os: 0, wire: 1, log: 2, broker: 3, client: 4, remote: 4, schema: 5, stream: 5, task: 5, workflow: 5, query: 5, trace: 5, monitor: 5,
  region: 6, deploy: 6, database: 6, review: 6, build: 6, http: 7, pg: 7, cli: 7, node: 7, testing: 7, '': 8,
};

/** Rooms whose work is to touch the machine or the user. */
export const doors: ReadonlySet<string> = new Set(['os', 'http', 'pg', 'cli', 'node', 'testing', '']);

/** Edges between rooms of one floor, with the reason for each. */
export const sideways: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: 'os', to: 'base', why: 'ports fail with the errors of the one catalogue' },
  { from: 'cli', to: 'node', why: '`millrace start` is the whole node in the foreground' },
  { from: 'node', to: 'http', why: 'a node serves its metrics and health through the HTTP door' },
  { from: 'testing', to: 'node', why: 'simulations run whole nodes' },
];

/** Files that may use a module or a global of the machine although they stand outside the doors. */
export const exceptions: readonly { readonly file: string; readonly uses: string; readonly why: string }[] = [];

/** Globals that hide time, chance, threads or the network. `new Date(number)` is arithmetic and free. */
const machineGlobals: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date', /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?!\s*\())|(?<!new\s)(?<![\w.$])Date\s*\(/g],
  ['performance', /(?<![\w.$])performance\s*\.\s*(?:now|timeOrigin|mark|measure)\b/g],
  ['timers', /(?<![\w.$])(?:setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate)\s*\(/g],
  ['Math.random', /\bMath\s*\.\s*random\b/g],
  ['crypto', /(?<![\w.$])crypto\s*\.\s*(?:getRandomValues|randomUUID)\b/g],
  ['process', /(?<![\w.$])process\s*\.\s*\w/g],
  ['network', /(?<![\w.$])(?:fetch\s*\(|new\s+WebSocket\b)/g],
  ['threads', /(?<![\w.$])new\s+(?:Worker|BroadcastChannel|MessageChannel)\b/g],
  ['console', /(?<![\w.$])console\s*\.\s*\w/g],
];

/** Everything in `sources` that breaks a rule, one line each: 'file:line: what'. */
export function roomFaults(sources: readonly Source[]): string[] {
  const used = new Set<unknown>();
  const faults = sources.filter((source) => !source.test).flatMap((source) => [
    ...importFaults(source, used),
    ...machineFaults(source, used),
  ]);
  const present = new Set(sources.map((source) => source.path));
  for (const exception of exceptions) {
    if (!used.has(exception)) faults.push(`tools/rooms.ts: the exception of '${exception.file}' for ${exception.uses} is not used${present.has(exception.file) ? '' : ': no such file'}`);
  }
  return faults;
}

function importFaults(source: Source, used: Set<unknown>): string[] {
  const floor = floors[source.room];
  if (floor === undefined) return [`${source.path}:1: the room '${source.room}' has no floor in tools/rooms.ts`];
  return source.imports.flatMap(({ specifier, line }) => {
    const at = `${source.path}:${line}:`;
    if (specifier.startsWith('node:')) return nodeModuleFault(source, specifier, at, used);
    if (!specifier.startsWith('.')) return [];
    if (!specifier.endsWith('.ts')) return [`${at} '${specifier}' does not end in .ts`];
    const target = resolveImport(source, specifier);
    const room = target.includes('/') ? target.slice(0, target.indexOf('/')) : '';
    if (room === source.room) return [];
    if (room === '..' || target.startsWith('..')) return [`${at} '${specifier}' leaves the package`];
    if (target !== `${room}/mod.ts` && !(room === '' && target === 'mod.ts')) return [`${at} '${specifier}' goes around the door of '${room}'`];
    return directionFault(source, room, floor, at, used);
  });
}

function directionFault(source: Source, room: string, floor: number, at: string, used: Set<unknown>): string[] {
  const targetFloor = floors[room];
  if (targetFloor === undefined) return [`${at} the room '${room}' has no floor in tools/rooms.ts`];
  if (targetFloor < floor) return [];
  const edge = sideways.find((edge) => edge.from === source.room && edge.to === room);
  if (edge !== undefined && targetFloor === floor) { used.add(edge); return []; }
  return [`${at} '${source.room}' (floor ${floor}) may not import '${room}' (floor ${targetFloor})`];
}

function nodeModuleFault(source: Source, specifier: string, at: string, used: Set<unknown>): string[] {
  if (doors.has(source.room) || excepted(source, specifier, used)) return [];
  return [`${at} '${specifier}' belongs behind a port of os`];
}

function machineFaults(source: Source, used: Set<unknown>): string[] {
  if (doors.has(source.room)) return [];
  return machineGlobals.flatMap(([name, pattern]) => [...source.code.matchAll(pattern)]
    .filter(() => !excepted(source, name, used))
    .map((match) => `${source.path}:${lineAt(source.code, match.index)}: '${match[0].trim()}' (${name}) belongs behind a port of os`));
}

function excepted(source: Source, uses: string, used: Set<unknown>): boolean {
  const exception = exceptions.find((exception) => exception.file === source.path && exception.uses === uses);
  if (exception !== undefined) used.add(exception);
  return exception !== undefined;
}

if (import.meta.main) {
  const faults = roomFaults(packageSources());
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
