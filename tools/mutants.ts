// tools/mutants.ts - `node tools/mutants.ts`: makes the log and the broker wrong in small ways, and counts which ways the simulations notice.
// Owns: choosing mutants, sharing them out, the report. Never: the ways (mutants/operators.ts), the trial (mutants/bench.ts).
// M1 The tree as it is must pass first. M2 A sample is drawn from a seed and from what each mutant changes: a change of the code elsewhere leaves
// it nearly the same. M3 Mutants that do the same as the original are named in mutants/equivalent.ts with the reason, and not tried.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { crc32c } from '../packages/millrace/src/base/mod.ts';
import { MutantBench } from './mutants/bench.ts';
import type { TrialOptions, Verdict } from './mutants/bench.ts';
import { dangerous, isOfTransactions } from './mutants/dangerous.ts';
import { equivalence, stale } from './mutants/equivalent.ts';
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
    'transaction-seeds': { type: 'string', default: '30' },
    'cpu-s': { type: 'string', default: '90' },
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
  return packageSources().filter((source) => rooms.includes(source.room) && !source.test && !/-samples\.ts$|\/fixture\.ts$/.test(source.path)).map(({ path, text }) => ({ path: `packages/millrace/src/${path}`, text }));
}

/** A sample of all places, or all that match. */
function chosen(): Mutant[] {
  const all = sources().flatMap(({ path, text }) => mutantsOf(path, text)).filter((mutant) => describe(mutant).includes(values.match));
  const seen = new Map<string, number>();
  const place = (mutant: Mutant): number => {
    const what = [values.seed, mutant.file, mutant.operator, mutant.before, mutant.after].join('\n');
    const nth = seen.get(what) ?? 0;
    seen.set(what, nth + 1);
    return crc32c(Buffer.from(`${what}\n${nth}`));
  };
  const drawn = all.map((mutant) => ({ mutant, at: place(mutant) })).sort((a, b) => a.at - b.at).slice(0, Number(values.sample)).map(({ mutant }) => mutant);
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
  const texts = new Map(sources().map(({ path, text }) => [path, text]));
  const gone = stale(sources());
  if (gone.length > 0) throw new Error(`Cannot find the places of tools/mutants/equivalent.ts: ${gone.join('; ')}`);
  const same = values.dangerous ? [] : mutants.flatMap((mutant) => { const why = equivalence(mutant, texts.get(mutant.file)!); return why === null ? [] : [{ mutant, why }]; });
  for (const { mutant, why } of same) console.log(`the same as the original: ${describe(mutant)}\n      ${why}`);
  const queue = mutants.filter((mutant) => !same.some((each) => each.mutant === mutant));
  const count = queue.length;
  const tried: Tried[] = [];
  const work = async () => {
    using bench = new MutantBench();
    if (tried.length === 0) await mustPass(bench);
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await bench.try(mutant, trialOf(mutant));
      tried.push({ mutant, verdict });
      if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(tried, null, 1));
      console.log(`${tried.length}/${count} ${verdict.kind === 'survived' ? 'SURVIVED' : `killed by ${verdict.by}`} ${describe(mutant)}${verdict.kind === 'killed' ? `\n      ${verdict.says.slice(0, 160)}` : ''}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.processes) }, work));
  report(tried);
  const survivors = tried.filter(({ verdict }) => verdict.kind === 'survived');
  return values.dangerous ? survivors.length === 0 : survivors.length * 10 <= tried.length;
}

/** M1. */
async function mustPass(bench: MutantBench): Promise<void> {
  const verdict = await bench.baseline({ ...trialOf(mutants[0]!), seeds: [['log', Number(values['log-seeds'])], ['node', Number(values['node-seeds'])], ['transactions', Number(values['transaction-seeds'])]] });
  if (verdict.kind === 'killed') throw new Error(`The tree itself does not pass: ${verdict.says}`);
}

function trialOf(mutant: Mutant): TrialOptions {
  const inLog = mutant.file.includes('/src/log/');
  const nodeSeeds = Number(values['node-seeds']);
  const transactions = ['transactions', Number(values['transaction-seeds'])] as const;
  const inBroker = isOfTransactions(mutant) ? [transactions, ['node', nodeSeeds]] as const : [['node', nodeSeeds], transactions] as const;
  // A node's seeds rarely notice what the log's do not.
  return { seeds: inLog ? [['log', Number(values['log-seeds'])], ['node', values.dangerous ? nodeSeeds : Math.ceil(nodeSeeds / 2)]] : inBroker, cpuSecondsMax: Number(values['cpu-s']), withTests: !values['without-tests'] && !values.dangerous };
}

function report(tried: readonly Tried[]): void {
  const killed = (by: string) => tried.filter(({ verdict }) => verdict.kind === 'killed' && (by === '' || verdict.by === by)).length;
  const bySimulation = killed('simulation') + killed('hang') + killed('load');
  const percent = (count: number) => `${count} (${((100 * count) / Math.max(1, tried.length)).toFixed(1)} %)`;
  console.log(`\n${tried.length} mutants: ${percent(bySimulation)} killed by the simulations, ${percent(killed('tests'))} more by the tests of their folder, ${percent(killed('room'))} by other tests of the room, ${percent(tried.length - killed(''))} survived`);
  for (const { mutant, verdict } of tried) if (verdict.kind === 'survived') console.log(`  ${describe(mutant)}`);
  console.log(`${killed('')} passed, ${tried.length - killed('')} failed`);
}

function describe({ file, line, operator, before, after }: Mutant): string {
  const short = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 60);
  return `${file.replace('packages/millrace/src/', '')}:${line} ${operator}: ${short(before)} -> ${short(after)}`;
}
