// tools/mutants/equivalent.ts - mutants that do the same as the code they change: nothing can notice them, so they are counted apart.
// Owns: the list, each with its reason from reading the place. A place that is no longer found is a failure: the list follows the code.
import type { Mutant } from './operators.ts';

interface Equivalent {
  readonly file: string;
  /** Text of the line that the mutant changes. */
  readonly line: string;
  /** The operator's name. */
  readonly operator: string;
  readonly why: string;
}

const equivalents: readonly Equivalent[] = [
  { file: 'broker/fetch/fetch-run.ts', line: '(room <= 0 && this.#bytes > 0)', operator: '> becomes >=', why: 'with no bytes yet there is always room' },
  { file: 'log/journal-reader.ts', line: 'await this.#windowFile?.close();', operator: 'drop await', why: 'a file that was only read is closed a moment later' },
  { file: 'broker/connection/client-connection.ts', line: "if (this.#pumping || this.#state !== 'open') return;", operator: 'or becomes and', why: 'nothing pumps within a pump, and in another state its loop does nothing' },
  { file: 'broker/connection/client-connection.ts', line: "slot.answer = { kind: 'nothing' };", operator: 'remove assignment', why: 'each slot is let go once' },
  { file: 'broker/produce/producer-store.ts', line: 'this.#closed = true;', operator: 'remove assignment', why: 'the timers are cancelled in the same turn, and no request is served any more' },
  { file: 'log/log.ts', line: 'await (await this.#lane).close();', operator: 'wrong order', why: "the journal's lane is idle by then and has no files of segments" },
  { file: 'log/journal-files.ts', line: 'if (bytes > 0) {', operator: '> becomes >=', why: 'no bytes are written, and a sync of nothing changes nothing' },
  { file: 'broker/topics/step.ts', line: 'if (partitionCount < record.partitionCount)', operator: '< becomes <=', why: 'the line before has answered when both are the same' },
  { file: 'broker/group/turn.ts', line: 'if (deadlineMs >= turn.group.wakeAtMs) return;', operator: '>= becomes >', why: 'the same timer is set again' },
  { file: 'broker/keyed-log.ts', line: 'for (let offset = partition.logStartOffset; offset < partition.highWatermark;) {', operator: '< becomes <=', why: 'a read at the high watermark is empty and ends the loop' },
  { file: 'log/time-search.ts', line: 'while (offset < partition.highWatermark) {', operator: '< becomes <=', why: 'a read at the high watermark is empty and ends the search' },
  { file: 'log/partition.ts', line: 'if (offset <= this.#logStartOffset) return this.#logStartOffset;', operator: '<= becomes <', why: 'an entry that raises the start to where it is changes nothing' },
  { file: 'log/cold-read.ts', line: 'kept = found.to > found.from;', operator: '> becomes >=', why: 'a part without bytes is no part; the buffer is given back by release' },
  { file: 'log/segment-writer.ts', line: 'const lease = write.position === 0 ? null', operator: '=== becomes !==', why: 'a file that is open already is taken from the cache one turn later' },
  { file: 'broker/fetch/fetch-run.ts', line: 'if (offset >= this.#readableEnd(partition) || (room <= 0 && this.#bytes > 0) || this.#starved)', operator: 'or becomes and', why: 'a read at the high watermark, or with nothing reserved, gives nothing' },
  { file: 'broker/topics/topics.ts', line: 'for (let first = from; first < to; first += changesAtOnce) {', operator: '< becomes <=', why: 'the last round has nothing to do' },
  { file: 'broker/transaction/transactions.ts', line: 'record.appended();', operator: 'wrong order', why: 'each of the two notes only its own part' },
];

/** Why the mutant does the same as the original; null for all others. */
export function equivalence(mutant: Mutant, source: string): string | null {
  const line = source.split('\n')[mutant.line - 1] ?? '';
  return equivalents.find((each) => mutant.file.endsWith(each.file) && each.operator === mutant.operator && line.includes(each.line))?.why ?? null;
}

/** Entries whose place is gone. */
export function stale(sources: readonly { path: string; text: string }[]): string[] {
  return equivalents.filter(({ file, line }) => !sources.some(({ path, text }) => path.endsWith(file) && text.includes(line))).map(({ file, line }) => `${file}: ${line}`);
}
