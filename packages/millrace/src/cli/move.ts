// cli/move.ts - `millrace move`: topics with records, settings and group positions from one cluster to another.
// Owns: its flags, what it says. Never: the move (client/move).
// M1 Progress goes to stderr (with --json as lines to stdout), results to stdout. M2 Ctrl-C ends cleanly; called again the move goes on.
import type { Command } from 'commander';
import { MillraceError } from '../base/mod.ts';
import { planMove, type CutoverReport, type Move, type MovePlan, type MoveProgress, type VerifyReport } from '../client/mod.ts';
import { newCommand } from './command.ts';
import { Exit } from './exit-codes.ts';
import type { Shell } from './shell.ts';
import { bytesText, grouped, table } from './table.ts';
import { parseWhole, usageError } from './values.ts';

interface MoveFlags {
  readonly from: string; readonly to: string; readonly topics?: string; readonly groups?: string; readonly json?: boolean; readonly timeoutMs?: string;
  readonly dryRun?: boolean; readonly once?: boolean; readonly cutover?: boolean; readonly verify?: boolean;
}

/** Defines the command. */
export function moveCommand(shell: Shell): Command {
  return newCommand(shell, 'move', 'Moves topics from one cluster to another while both serve: partitions, settings, records with keys, times and headers, positions of groups. To Millrace offsets stay as they are; to another Kafka they are mapped, and positions with them. Killed and called again, it goes on where it was and copies nothing twice. The guide page on moving house tells the whole story.', [
    { says: 'what would happen?', line: 'millrace move --from kafka://old:9092 --to kafka://localhost:9092 --dry-run' },
    { says: 'copy and follow, until Ctrl-C', line: "millrace move --from kafka://old:9092 --to kafka://localhost:9092 --topics 'orders,clicks-*'" },
    { says: 'producers of the old one are stopped: finish, compare everything, hand over', line: 'millrace move --from kafka://old:9092 --to kafka://localhost:9092 --cutover' },
  ])
    .requiredOption('--from <address>', 'the source, as HOST:PORT or kafka://HOST:PORT')
    .requiredOption('--to <address>', 'the target')
    .option('--topics <names>', "topics, separated by commas, with * for any characters (default: all that are not the servers' own)")
    .option('--groups <names>', 'groups whose positions are moved, in the same form (default: all)')
    .option('--dry-run', 'say what would be done, and what the target lacks, and do nothing')
    .option('--once', 'copy what is there now and end; the move can go on later')
    .option('--cutover', 'copy what is left, verify, move group positions and give the topics to producers')
    .option('--verify', 'only compare, record by record, what was copied so far')
    .option('--no-verify', 'with --cutover: do not compare')
    .option('--timeout-ms <number>', 'longest wait for any one answer', '30000')
    .option('--json', 'print JSON for programs, one object a line')
    .action((flags: MoveFlags) => run(shell, flags));
}

async function run(shell: Shell, flags: MoveFlags): Promise<void> {
  const modes = [flags.dryRun, flags.once, flags.cutover, flags.verify].filter((one) => one === true);
  if (flags.verify === false && flags.cutover !== true) throw usageError('Cannot use --no-verify without --cutover');
  if (modes.length > 1) throw usageError('Cannot do several of --dry-run, --once, --cutover and --verify at once');
  const callTimeoutMs = parseWhole('--timeout-ms', flags.timeoutMs!, 1, 3_600_000);
  const client = { requestTimeoutMs: callTimeoutMs, connectTimeoutMs: Math.min(callTimeoutMs, 5_000) };
  const onlyVerify = flags.verify === true;
  await using move = await planMove({
    from: flags.from, to: flags.to, fromOptions: client, toOptions: client, onlyVerify, ...listOf('topics', flags.topics), ...listOf('groups', flags.groups),
    onProgress: (progress) => showProgress(shell, flags, progress), onNote: (line) => say(shell, flags, line, { event: 'note', line }),
  });
  if (onlyVerify) return showVerified(shell, flags, await move.verify());
  showPlan(shell, flags, move.plan);
  if (flags.dryRun === true) return;
  await move.prepare();
  if (flags.cutover === true) return await finish(shell, flags, move);
  await move.copy(shell.stop);
  if (shell.stop.aborted || flags.once === true) return say(shell, flags, shell.stop.aborted ? 'Stopped; the same command goes on from here.' : 'Copied what was there. Go on with the same command, or end with --cutover.', { event: shell.stop.aborted ? 'stopped' : 'copied' });
  say(shell, flags, 'Copied what was there, following what comes. Stop the producers of the source, end this with Ctrl-C, and call it with --cutover.', { event: 'following' });
  await move.follow(shell.stop);
  say(shell, flags, 'Stopped; the same command goes on from here.', { event: 'stopped' });
}

const listOf = (name: 'topics' | 'groups', text: string | undefined) => (text === undefined ? {} : { [name]: text.split(',').map((one) => one.trim()).filter((one) => one !== '') });

async function finish(shell: Shell, flags: MoveFlags, move: Move): Promise<void> {
  try {
    showCutover(shell, flags, await move.cutover({ verify: flags.verify !== false }));
  } catch (error) {
    const verified = error instanceof MillraceError ? error.data['verified'] as VerifyReport | undefined : undefined;
    if (verified !== undefined) showVerified(shell, flags, verified, false);
    throw error;
  }
}

function say(shell: Shell, flags: MoveFlags, line: string, event: Record<string, unknown>): void {
  if (flags.json === true) shell.out.line(JSON.stringify(event));
  else shell.err.line(line);
}

function showPlan(shell: Shell, flags: MoveFlags, plan: MovePlan): void {
  if (flags.json === true) return shell.out.line(JSON.stringify({ event: 'plan', ...plan }));
  const { out } = shell;
  out.line(`${plan.kind === 'exact' ? 'Offsets stay as they are: the target is Millrace.' : 'Offsets change and positions are mapped: the target cannot take records at given offsets.'}`);
  const rows = plan.topics.map((one) => [one.topic, one.partitions, grouped(one.offsetsToCopy), one.state, Object.entries({ ...one.settings, ...one.settingsAtCutover }).map(([name, value]) => `${name}=${value}`).join(' ') || '-']);
  for (const line of table(['topic', { title: 'partitions', right: true }, { title: 'offsets', right: true }, 'state', 'settings'], rows)) out.line(line);
  for (const { topic, refused } of plan.topics) for (const { name, value, why } of refused) out.line(`Not taken by the target: ${topic}: ${name}=${value} (${why})`);
  out.line(plan.groups.length === 0 ? 'No groups.' : `Positions of ${plan.groups.length} group${plan.groups.length === 1 ? '' : 's'}: ${plan.groups.join(', ')}`);
  for (const line of plan.notMoved) out.line(`Not moved: ${line}`);
}

function showProgress(shell: Shell, flags: MoveFlags, progress: MoveProgress): void {
  if (flags.json === true) return shell.out.line(JSON.stringify({ event: 'progress', ...progress }));
  const { phase, records, recordsPerSecond, bytesPerSecond, offsetsLeft, secondsLeft } = progress;
  const rate = `${grouped(Math.round(recordsPerSecond))} records/s${bytesPerSecond > 0 ? `, ${bytesText(Math.round(bytesPerSecond))}/s` : ''}`;
  shell.err.line(`${phase}: ${grouped(records)} records, ${rate}, ${grouped(offsetsLeft)} left${secondsLeft === null || offsetsLeft === 0 ? '' : `, about ${Math.ceil(secondsLeft)} s`}`);
}

function showVerified(shell: Shell, flags: MoveFlags, report: VerifyReport, fails = true): void {
  if (flags.json === true) shell.out.line(JSON.stringify({ event: 'verified', ...report }));
  else {
    for (const one of report.partitions) if (!one.isEqual) shell.out.line(`${one.topic}-${one.partition} differs: the source has ${grouped(one.records)} records (${one.checksum}), the target ${grouped(one.targetRecords!)} (${one.targetChecksum})`);
    if (report.isEqual) shell.out.line(`Equal: ${grouped(report.records)} records in ${report.partitions.length} partition${report.partitions.length === 1 ? '' : 's'}, by count and checksum.`);
  }
  if (!report.isEqual && fails) throw new Exit('failed');
}

function showCutover(shell: Shell, flags: MoveFlags, { groups, verified }: CutoverReport): void {
  if (verified !== null) showVerified(shell, flags, verified);
  const failed = groups.filter(({ failure }) => failure !== undefined);
  if (flags.json === true) shell.out.line(JSON.stringify({ event: 'cutover', groups }));
  else {
    for (const { group, failure } of failed) shell.out.line(`The positions of group ${group} were not moved: ${failure}`);
    shell.out.line(`Moved the positions of ${groups.length - failed.length} group${groups.length - failed.length === 1 ? '' : 's'}. The topics at the target take producers now.`);
  }
  if (failed.length > 0) throw new Exit('failed');
}
