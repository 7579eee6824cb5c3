// cli/top/layout.ts - what happened becomes lines of text.
// Owns: which figures stand where, in which order rows come. Never: the terminal (terminal.ts), keys.
// L1 The lines fit the room: topics and groups share what the head leaves, and scroll. L2 Names hold what their makers wanted: control characters become blanks.
import { bytesText, durationText, grouped, table, type Column } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { GroupRow, Latency, NodeRow, Rate, TopicRow, View } from './rates.ts';
import { sparkline } from './sparkline.ts';

/** By what topics can be ordered, and groups with them: the key `s` goes on to the next. */
export const topicOrders = ['records', 'bytes', 'size', 'name'] as const;
/** One of them. */
export type TopicOrder = (typeof topicOrders)[number];

/** How the screen is set. */
export interface Layout {
  readonly order: TopicOrder;
  /** Smallest first. */
  readonly reversed: boolean;
  /** Rows of topics and groups that were scrolled away. */
  readonly scrolled: number;
  /** Room in lines; Infinity for all there is. */
  readonly rows: number;
  readonly sparklines: boolean;
}

/** What stands above everything. */
export interface Head { readonly source: string; readonly time: string; readonly everySeconds: number; readonly note: string | null; readonly keys: string }

/** The lines of a screen, and by how many rows it can be scrolled. */
export function layOut(view: View | null, head: Head, layout: Layout, out: Terminal): { lines: string[]; scrollMax: number } {
  const lines = [headLine(view, head, out)];
  if (head.note !== null) lines.push(out.style('yellow', head.note));
  if (view === null) return { lines: [...lines, 'looking ...'], scrollMax: 0 };
  lines.push(totalLine(view, layout, out));
  if (view.node !== null) lines.push(...nodeLines(view.node, out));
  const footer = head.keys === '' ? [] : [out.style('dim', head.keys)];
  const body = [...bodyTable(topicTable(view, layout), out), '', ...bodyTable(groupTable(view, layout), out)];
  if (view.omitted > 0) body.push(out.style('dim', `${grouped(view.omitted)} more topics and groups are not shown`));
  const room = Math.max(3, layout.rows - lines.length - 1 - footer.length);
  const scrollMax = Math.max(0, body.length - room);
  const from = Math.min(layout.scrolled, scrollMax);
  return { lines: [...lines, '', ...body.slice(from, from + room), ...footer], scrollMax };
}

function headLine(view: View | null, { source, time, everySeconds }: Head, out: Terminal): string {
  const node = view?.node?.figures;
  const state = node === undefined ? "by Kafka's protocol alone" : node.ready ? out.style('green', 'ready') : out.style('red', `not ready: log ${node.logState}`);
  const about = node === undefined ? '' : `, Millrace ${node.version}, up ${durationText(Math.max(0, Date.parse(time) - node.startedSeconds * 1000))}`;
  return `${out.style('bold', 'millrace top')}  ${clean(source)}  ${state}${about}  ${out.style('dim', `${time.slice(11, 19)} UTC, every ${everySeconds} s`)}`;
}

function totalLine({ total }: View, layout: Layout, out: Terminal): string {
  const trend = layout.sparklines ? `  ${out.style('cyan', sparkline(total.history, 30))}` : '';
  return `${title('records', out)} in ${perSecond(total.recordsIn)}  out ${perSecond(total.recordsOut)}   ${out.style('dim', 'bytes')} in ${bytesPerSecond(total.bytesIn)}  out ${bytesPerSecond(total.bytesOut)}${trend}`;
}

function nodeLines(node: NodeRow, out: Terminal): string[] {
  const { figures, requests, journal } = node;
  const busiest = requests.slice(0, 4).map((one) => `${one.api} ${perSecond(one.perSecond)} ${latencyText(one)}`).join('   ');
  const parts = [
    `${grouped(figures.connections)} connections`, `${bytesText(figures.residentBytes)} memory`, `${bytesText(figures.requestMemoryBytes)} requests`, `${bytesText(figures.responseMemoryBytes)} answers`,
    node.cpu === null ? '' : `${Math.round(node.cpu * 100)} % cpu`, node.loop.p99 === null ? '' : `loop p99 ${secondsText(node.loop.p99)}`, `${grouped(figures.stalls)} stalls`,
    figures.transactionsOpen === 0 ? '' : `${grouped(figures.transactionsOpen)} transactions open`, figures.diskFreeBytes === null ? '' : `${bytesText(figures.diskFreeBytes)} disk free`,
  ];
  return [
    `${title('requests', out)} ${busiest === '' ? 'none' : busiest}`,
    `${title('journal', out)} ${perSecond(journal.perSecond)} syncs ${latencyText(journal)}   ${bytesPerSecond(node.journalBytes)} written   ${bytesText(Math.max(0, figures.checkpointLagBytes))} since the checkpoint${node.tailShare === null ? '' : `   ${Math.round(node.tailShare * 100)} % of reads from memory`}`,
    `${title('node', out)} ${parts.filter((part) => part !== '').join(', ')}`,
  ];
}

interface Table { readonly columns: readonly Column[]; readonly rows: readonly (readonly string[])[]; readonly empty: string }

function topicTable({ topics }: View, layout: Layout): Table {
  const rows = ordered(topics, layout).map((one) => [
    clean(one.topic), grouped(one.partitions), perSecond(one.recordsIn), bytesPerSecond(one.bytesIn), perSecond(one.recordsOut), bytesPerSecond(one.bytesOut),
    one.sizeBytes === null ? '-' : bytesText(one.sizeBytes), ...(layout.sparklines ? [sparkline(one.history, 20)] : []),
  ]);
  return { columns: [{ title: 'TOPIC' }, right('partitions'), right('records in'), right('bytes in'), right('records out'), right('bytes out'), right('size'), ...(layout.sparklines ? [{ title: 'records in' }] : [])], rows, empty: 'No topics yet.' };
}

function groupTable({ groups }: View, layout: Layout): Table {
  const sorted = layout.order === 'name' ? groups.toSorted((a, b) => compare(a.group, b.group)) : groups.toSorted((a, b) => b.lag - a.lag || compare(a.group, b.group));
  const rows = (layout.reversed ? sorted.reverse() : sorted).map((one: GroupRow) => [
    clean(one.group), one.state, one.members === null ? '-' : grouped(one.members), grouped(one.lag), one.lagRate === null ? '-' : `${one.lagRate > 0 ? '+' : ''}${rounded(one.lagRate)}/s`,
    one.lagSeconds === null ? '-' : secondsText(one.lagSeconds), ...(layout.sparklines ? [sparkline(one.history, 20)] : []),
  ]);
  return { columns: [{ title: 'GROUP' }, { title: 'state' }, right('members'), right('lag'), right('lag grows'), right('behind'), ...(layout.sparklines ? [{ title: 'lag' }] : [])], rows, empty: 'No groups yet.' };
}

function bodyTable({ columns, rows, empty }: Table, out: Terminal): string[] {
  if (rows.length === 0) return [out.style('dim', empty)];
  const [first, ...others] = table(columns, rows, 48);
  return [out.style('bold', first!), ...others];
}

function ordered(topics: readonly TopicRow[], { order, reversed }: Layout): TopicRow[] {
  const size = (row: TopicRow): number => {
    switch (order) {
      case 'records': return (row.recordsIn ?? 0) + (row.recordsOut ?? 0);
      case 'bytes': return (row.bytesIn ?? 0) + (row.bytesOut ?? 0);
      case 'size': return row.sizeBytes ?? 0;
      case 'name': return 0;
    }
  };
  const sorted = topics.toSorted((a, b) => size(b) - size(a) || compare(a.topic, b.topic));
  return reversed ? sorted.reverse() : sorted;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const right = (text: string): Column => ({ title: text, right: true });
const title = (text: string, out: Terminal): string => out.style('dim', text.padEnd(9));
/** L2. */
const clean = (name: string): string => name.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');

function rounded(value: number): string {
  return Math.abs(value) < 9.95 ? String(Math.round(value * 10) / 10) : grouped(value);
}

const perSecond = (value: Rate): string => (value === null ? '-' : `${rounded(value)}/s`);
const bytesPerSecond = (value: Rate): string => (value === null ? '-' : `${bytesText(Math.round(value))}/s`);
const latencyText = ({ p50, p99 }: Latency): string => (p50 === null || p99 === null ? '' : `p50 ${secondsText(p50)} p99 ${secondsText(p99)}`);

/** '0.42 ms', '12 ms', '3.1 s', '2 min 5 s'. */
export function secondsText(seconds: number): string {
  const ms = seconds * 1000;
  if (ms < 10) return `${Math.round(ms * 100) / 100} ms`;
  return durationText(ms);
}
