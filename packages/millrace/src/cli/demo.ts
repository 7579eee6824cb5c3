// cli/demo.ts - `millrace demo`: three million real events through a node and back, watched live and checked at the end.
// Owns: the order of the story and its words. Never: its parts (demo/).
// D1 Exit code 0 only when what was read is what was written, per key and in order. D2 Without --keep nothing is left behind.
import type { Command } from 'commander';
import { connect } from '../client/mod.ts';
import { newCommand } from './command.ts';
import type { Flights } from './demo/flights.ts';
import type { NodeProcess } from './demo/node-process.ts';
import { Exit } from './exit-codes.ts';
import type { Shell } from './shell.ts';
import { bytesText, durationText, grouped } from './table.ts';
import { parseWhole } from './values.ts';

const topic = 'flights';
const group = 'delays';
const partitions = 4;
const members = 2;
/** Reading that stands still for this long has failed. */
const stallMsMax = 30_000;

/** Defines the command. */
export function demoCommand(shell: Shell): Command {
  return newCommand(shell, 'demo', 'Starts a node on a free port and a temporary folder, writes 3,000,000 real flights of 2001 to it as JSON events, reads them with a consumer group at the same time, shows the worst airports live, and checks at the end that what came out is what went in. Takes well under a minute.', [
    { says: 'see it once', line: './millrace demo' },
    { says: 'and then look around with kcat or any Kafka client', line: './millrace demo --keep' },
  ])
    .option('--keep', 'leave the node and its data running at the end')
    .option('--flights <number>', 'only the first so many flights')
    .action(async (flags: { keep?: boolean; flights?: string }) => {
      const countMax = flags.flights === undefined ? Number.POSITIVE_INFINITY : parseWhole('--flights', flags.flights, 1);
      const { assertFlightsInstalled, openFlights } = await import('./demo/flights.ts');
      assertFlightsInstalled();
      await demo(shell, await openFlights(), countMax, flags.keep === true);
    });
}

async function demo(shell: Shell, flights: Flights, countMax: number, keep: boolean): Promise<void> {
  const { startNodeProcess } = await import('./demo/node-process.ts');
  const { out } = shell;
  const total = Math.min(flights.count, countMax);
  out.line(`${out.style('bold', 'Millrace demo')}: ${grouped(total)} real flights (USA, January to June 2001) through one durable log`);
  out.line();
  const node = await startNodeProcess();
  let kept = false;
  try {
    out.line(`  node     ready in ${durationText(node.readyMs)} at ${out.style('cyan', node.server)}, data in ${node.folder}`);
    await play(shell, node, flights, total);
    kept = keep;
    if (kept) sayHowToAttach(shell, node);
    else sayWhatNext(shell);
  } finally {
    await node.end(kept);
  }
}

/** Writes, reads, checks; throws Exit when the check fails. */
async function play(shell: Shell, node: NodeProcess, flights: Flights, total: number): Promise<void> {
  const [{ Board }, { Feed }, { Readers }] = await Promise.all([import('./demo/board.ts'), import('./demo/feed.ts'), import('./demo/readers.ts')]);
  const { out } = shell;
  await using client = await connect(node.server, { clientId: 'millrace-demo' });
  await client.admin().createTopics([{ topic, partitions, configs: { 'retention.ms': -1 } }]); // these records are of 2001: no age is too old
  out.line(`  topic    ${topic}: ${partitions} partitions, keyed by origin, each record on disk before it is acknowledged`);
  out.line(`  group    ${group}: ${members} members, reading while it is written`);
  out.line();
  const feed = new Feed();
  const readers = new Readers(client, topic, group, members);
  const startedMs = performance.now();
  const board = new Board(out, () => ({ total, written: feed.given, read: readers.ledger.count, airports: readers.airports }));
  const reading = readers.run();
  let writtenMs = 0;
  try {
    const producer = client.producer({ bufferBytes: 8 << 20 });
    await Promise.race([reading, feed.run(flights, producer, topic, total, shell.stop)]);
    writtenMs = performance.now() - startedMs;
    await Promise.race([reading, untilRead(() => readers.ledger.count, feed.given, shell.stop)]);
    await readers.stop();
    await reading;
  } finally {
    board.stop();
  }
  if (shell.stop.aborted) throw new Exit('interrupted');
  const readMs = performance.now() - startedMs;
  for (const line of readers.airports.worstTable(10)) out.line(`  ${line}`);
  out.line();
  out.line(`  written  ${grouped(feed.given)} in ${durationText(writtenMs)}, ${grouped((feed.given * 1000) / writtenMs)} a second, every one synced before its ack`);
  out.line(`  read     ${grouped(readers.ledger.count)} in ${durationText(readMs)}, ${grouped((readers.ledger.count * 1000) / readMs)} a second`);
  const [folder] = await client.admin().describeLogDirs();
  out.line(`  on disk  ${bytesText(folder!.partitions.filter((one) => one.topic === topic).reduce((sum, one) => sum + one.bytes, 0))}; mean delay of all flights ${readers.airports.meanDelayMinutes.toFixed(2)} min`);
  await check(shell, client.admin(), total, feed, readers);
}

/** Resolves when as many were read; throws when reading stands still. */
async function untilRead(read: () => number, wanted: number, stop: AbortSignal): Promise<void> {
  let last = { count: -1, atMs: performance.now() };
  while (read() < wanted && !stop.aborted) {
    if (read() !== last.count) last = { count: read(), atMs: performance.now() };
    else if (performance.now() - last.atMs > stallMsMax) return; // the check will name what is missing
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function check(shell: Shell, admin: ReturnType<Awaited<ReturnType<typeof connect>>['admin']>, total: number, feed: { ledger: import('./demo/ledger.ts').Ledger }, readers: { ledger: import('./demo/ledger.ts').Ledger }): Promise<void> {
  const { out, err } = shell;
  const faults = feed.ledger.differences(readers.ledger);
  if (feed.ledger.count !== total) faults.push(`${grouped(total)} flights in the file, ${grouped(feed.ledger.count)} written`);
  const lag = await admin.groupLag(group);
  const stored = lag.reduce((sum, one) => sum + one.endOffset, 0);
  if (stored !== total) faults.push(`the topic holds ${grouped(stored)} records`);
  const behind = lag.reduce((sum, one) => sum + one.lag, 0);
  if (behind !== 0) faults.push(`the group's committed offsets are ${grouped(behind)} behind`);
  if (faults.length === 0) return out.line(`  checked  ${out.style('green', `${grouped(total)} in = ${grouped(readers.ledger.count)} out`)}, the same values in the same order at each of ${grouped(feed.ledger.keys)} airports`);
  err.line(err.style('red', 'The check failed:'));
  for (const fault of faults.slice(0, 20)) err.line(`  ${fault}`);
  throw new Exit('failed');
}

function sayHowToAttach(shell: Shell, node: NodeProcess): void {
  const { out } = shell;
  out.line();
  out.line(`The node runs on at ${out.style('cyan', node.server)} (process ${node.processId}). Attach any Kafka client:`);
  out.line(`  kcat -b ${node.server} -t ${topic} -C -o beginning -c 5`);
  out.line(`  ./millrace consume ${topic} --server ${node.server} --from 2001-03-01 --max 5 --json --parse`);
  out.line(`  ./millrace groups describe ${group} --server ${node.server}`);
  out.line('or in TypeScript:');
  out.line(`  import { connect } from 'millrace';`);
  out.line(`  const client = await connect('${node.server}');`);
  out.line();
  out.line(`Stop it and delete its data: kill ${node.processId}; rm -r ${node.folder}`);
  sayWhatNext(shell, true);
}

function sayWhatNext(shell: Shell, kept = false): void {
  const { out } = shell;
  out.line();
  out.line('Next:');
  if (!kept) out.line('  ./millrace demo --keep      the same, and the node stays for kcat or any Kafka client');
  out.line('  ./millrace start            a node of your own on 127.0.0.1:9092, data in ./millrace-data');
  out.line('  docs/guide/getting-started.md   a node and a client in three lines of TypeScript');
}
