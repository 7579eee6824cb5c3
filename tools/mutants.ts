// tools/mutants.ts - `node tools/mutants.ts`: makes the log and the broker wrong in small ways, and counts which ways the simulations notice.
// Owns: choosing mutants, sharing them out, the report. Never: the ways (mutants/operators.ts), the trial (mutants/bench.ts).
// M1 The tree as it is must pass first. M2 A sample is drawn from a seed, so that a report can be made again.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { prng } from '../packages/millrace/src/testing/mod.ts';
import { MutantBench } from './mutants/bench.ts';
import type { TrialOptions, Verdict } from './mutants/bench.ts';
import { dangerous } from './mutants/dangerous.ts';
import { mutantsOf } from './mutants/operators.ts';
import type { Mutant } from './mutants/operators.ts';
import { packageSources } from './source.ts';

const { values } = parseArgs({
  options: {
    rooms: { type: 'string', default: 'log,broker' },
    sample: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    match: { type: 'string', default: '' },
    'log-seeds': { type: 'string', default: '60' },
    'node-seeds': { type: 'string', default: '30' },
    'limit-s': { type: 'string', default: '90' },
    'without-tests': { type: 'boolean', default: false },
    dangerous: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    again: { type: 'string' },
    json: { type: 'string' },
  },
});

/** One mutant and its end. */
interface Tried { readonly mutant: Mutant; readonly verdict: Verdict }

const rooms = values.rooms.split(',');
const mutants = values.dangerous ? dangerous(sources()).filter((mutant) => describe(mutant).includes(values.match)) : values.again !== undefined ? survivorsOf(values.again) : chosen();
if (values.list) for (const mutant of mutants) console.log(describe(mutant));
else process.exitCode = (await tryAll()) ? 0 : 1;

function sources(): { path: string; text: string }[] {
  return packageSources().filter((source) => rooms.includes(source.room) && !source.test).map(({ path, text }) => ({ path: `packages/millrace/src/${path}`, text }));
}

/** A sample of all places, or all that match. */
function chosen(): Mutant[] {
  const all = sources().flatMap(({ path, text }) => mutantsOf(path, text)).filter((mutant) => describe(mutant).includes(values.match));
  const random = prng(Number(values.seed));
  const drawn = all.map((mutant) => ({ mutant, at: random.fraction() })).sort((a, b) => a.at - b.at).slice(0, Number(values.sample)).map(({ mutant }) => mutant);
  console.log(`${drawn.length} of ${all.length} mutants of ${rooms.join(' and ')}`);
  return drawn;
}

/** Those that survived an earlier run whose --json is given, each at the place nearest to where it was. */
function survivorsOf(file: string): Mutant[] {
  const all = sources().flatMap(({ path, text }) => mutantsOf(path, text));
  const survivors = (JSON.parse(readFileSync(file, 'utf8')) as Tried[]).filter(({ verdict }) => verdict.kind === 'survived').map(({ mutant }) => mutant);
  return survivors.flatMap((was) => {
    const same = all.filter((mutant) => mutant.file === was.file && mutant.operator === was.operator && mutant.before === was.before && mutant.after === was.after);
    return same.sort((a, b) => Math.abs(a.line - was.line) - Math.abs(b.line - was.line)).slice(0, 1);
  });
}

async function tryAll(): Promise<boolean> {
  const queue = [...mutants];
  const tried: Tried[] = [];
  const work = async () => {
    using bench = new MutantBench();
    if (tried.length === 0) await mustPass(bench);
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await bench.try(mutant, trialOf(mutant));
      tried.push({ mutant, verdict });
      console.log(`${tried.length}/${mutants.length} ${verdict.kind === 'survived' ? 'SURVIVED' : `killed by ${verdict.by}`} ${describe(mutant)}${verdict.kind === 'killed' ? `\n      ${verdict.says.slice(0, 160)}` : ''}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, work));
  report(tried);
  const survivors = tried.filter(({ verdict }) => verdict.kind === 'survived');
  return values.dangerous ? survivors.length === 0 : survivors.length * 10 <= tried.length;
}

/** M1. */
async function mustPass(bench: MutantBench): Promise<void> {
  const verdict = await bench.baseline({ ...trialOf(mutants[0]!), seeds: [['log', Number(values['log-seeds'])], ['node', Number(values['node-seeds'])]] });
  if (verdict.kind === 'killed') throw new Error(`The tree itself does not pass: ${verdict.says}`);
}

function trialOf(mutant: Mutant): TrialOptions {
  const inLog = mutant.file.includes('/src/log/');
  const node = ['node', Number(values['node-seeds'])] as const;
  return { seeds: inLog ? [['log', Number(values['log-seeds'])], node] : [node], timeoutMs: Number(values['limit-s']) * 1000, withTests: !values['without-tests'] && !values.dangerous };
}

function report(tried: readonly Tried[]): void {
  const killed = (by: string) => tried.filter(({ verdict }) => verdict.kind === 'killed' && (by === '' || verdict.by === by)).length;
  const bySimulation = killed('simulation') + killed('hang') + killed('load');
  const percent = (count: number) => `${count} (${((100 * count) / Math.max(1, tried.length)).toFixed(1)} %)`;
  console.log(`\n${tried.length} mutants: ${percent(bySimulation)} killed by the simulations, ${percent(killed('tests'))} more by the tests of their folder, ${percent(killed('room'))} by other tests of the room, ${percent(tried.length - killed(''))} survived`);
  for (const { mutant, verdict } of tried) if (verdict.kind === 'survived') console.log(`  ${describe(mutant)}`);
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(tried, null, 1));
  console.log(`${killed('')} passed, ${tried.length - killed('')} failed`);
}

function describe({ file, line, operator, before, after }: Mutant): string {
  const short = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 60);
  return `${file.replace('packages/millrace/src/', '')}:${line} ${operator}: ${short(before)} -> ${short(after)}`;
}
