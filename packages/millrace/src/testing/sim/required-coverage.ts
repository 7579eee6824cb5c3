// testing/sim/required-coverage.ts - the faults that a full run must have met, and where.
// Owns: the list. A fault or a place that the simulations learn is added here, so that it cannot be lost again unnoticed.
import type { CoverageList } from './coverage.ts';
import type { SimLevel } from './run-seed.ts';

/** Steps of the drive at which the node must have died, each with the kinds of file they touch. */
const deaths = [
  'open .log', 'open journal', 'create .log', 'create .index', 'create .timeindex', 'create journal', 'write .log', 'write .index', 'write .timeindex', 'write journal',
  'lane-write journal', 'lane-write .log', 'lane-sync journal', 'lane-sync .log', 'sync journal', 'sync .log', 'sync .index', 'truncate .timeindex', 'truncate .log',
  'make-folder partition folder', 'remove .log', 'remove .index', 'remove partition folder', 'sync-folder root folder', 'sync-folder journal folder', 'sync-folder partition folder',
];
/** Files whose unsynced writes must have been lost in each way; indexes are rarely unsynced. */
const unsynced = ['.log', 'journal'];

const drive: CoverageList = {
  'kill -9': deaths,
  'power cut': deaths,
  'all lost': [...unsynced, '.index'],
  'all kept': unsynced,
  'prefix kept, last torn': unsynced,
  'sectors lost and reordered': unsynced,
  'names lost': ['folders'],
  'disk full': ['lane-write .log', 'write journal'],
  'sync fails': ['lane-sync .log', 'lane-sync journal', 'lane-write journal', 'sync .index'],
  'read fails': ['read .log'],
  'stall': ['lane-sync journal', 'lane-write journal', 'lane-write .log', 'open .log', 'read .log'],
  'bit flipped': ['.log', '.index', '.timeindex', 'journal', 'manifest'],
};

/** A node does everything that a log does, but slower: of the places only those that every run meets. */
const nodeDeaths = ['open .log', 'create .log', 'write journal', 'lane-write journal', 'lane-sync journal', 'lane-sync .log', 'make-folder partition folder', 'sync-folder partition folder'];

/** What every run with nodes meets. */
const node: CoverageList = {
  'kill -9': nodeDeaths,
  'power cut': nodeDeaths,
  'all lost': ['.log', 'journal'],
  'all kept': ['.log', 'journal'],
  'prefix kept, last torn': ['.log', 'journal'],
  'sectors lost and reordered': ['.log', 'journal'],
  'names lost': ['folders'],
  'disk full': ['lane-write .log', 'write journal'],
  'sync fails': ['lane-sync .log', 'lane-sync journal', 'lane-write journal'],
  'read fails': ['read .log'],
  'stall': ['lane-sync journal', 'lane-write journal', 'open .log', 'read .log'],
  'bit flipped': ['.log', 'journal'],
  'network: partition': ['client and node'],
  'network: stalled by partition': ['connections'],
  'network: unreachable': ['connections'],
  'network: refused': ['connections'],
  'network: reset': ['connections'],
  'network: many resets': ['connections'],
  'network: mute': ['connections'],
  'network: spike': ['connections'],
};

/** By level. */
export const requiredCoverage: Readonly<Record<SimLevel, CoverageList>> = {
  log: { ...drive, 'kill -9': [...deaths, 'backup'], 'power cut': [...deaths, 'backup', 'restore'] },
  node: { ...node, 'request doubled': ['Produce'], 'login': ['users'], 'login refused': ['users'] },
  transactions: {
    ...node,
    'transaction': ['committed', 'aborted', 'consumed and committed', 'consumed and aborted', 'never answered', 'begun anew', 'haunted'],
  },
};
