// log/journal.ts - one journal for every partition: gather, one write, one sync, then all the acks.
// Owns: groups being filled, sealed, committed; their order and chain. Never: what entries mean, which file is next (journal-files.ts).
// A group is built in place in a slab: the append copies its bytes once, to where the lane writes them from and readers read them.
//
//   append -> [open group] -> close -> [closed] -> seal, submit -> [in flight, at most 2] -> committed -> acks
//
// J5 Groups are sealed, written and committed in order of sequence. J6 Nothing is told as durable before the lane confirmed its group.
// The open group closes when the lane is free (a lone record never waits), or when it is full. Cost: one write and one sync a group.
import { assert, limits } from '../base/mod.ts';
import type { Clock, Lane, LaneResult, LaneStep, Timer } from '../os/mod.ts';
import type { JournalFiles } from './journal-files.ts';
import { alignUp, entryBytes, groupHeaderBytes, sealGroup, writeEntryHeader, type EntryKind } from './journal-format.ts';
import type { Slab, SlabPool } from './slabs.ts';

const inFlightMax = 2;
/** A quiet journal says after this, in a group without entries, that its last group was synced: from then on a bit flipped there is damage, not a torn tail. */
const proveAfterMs = 50;
/** A second group follows before the first is confirmed only when it is worth a sync of its own. */
const pipelineBytesMin = 256 * 1024;

/** Where the journal stands: what the next group needs to continue it. */
export interface JournalPosition { readonly fileSequence: number; readonly position: number; readonly nextSequence: number; readonly previousCrc: number }

/** Someone whose end rises with a group. */
export interface GroupMember { groupMark: Group | null; groupIndex: number }

/** Entries that become durable together. What was to be told of them is let go once it was told: the group itself lives until its segments are written. */
export class Group {
  readonly slab: Slab;
  readonly at: number;
  bytes = groupHeaderBytes;
  entryCount = 0;
  readonly members: GroupMember[] = [];
  /** End offset of each member with this group. */
  readonly ends: number[] = [];
  /** Called in order of appending when the group is durable, or with the failure. */
  readonly dones: ((error: Error | null) => void)[] = [];
  /** Where the journal stands after it, once sealed. */
  after: JournalPosition = { fileSequence: 0, position: 0, nextSequence: 0, previousCrc: 0 };
  /** When the lane got it (monotonic). */
  submittedMs = 0;

  constructor(slab: Slab, at: number) {
    this.slab = slab;
    this.at = at;
  }

  /**
   * Answers everybody who appended, in order, and forgets them. A group waits seconds for its segments; requests that it held on to would be
   * old by then, and cost the collector a copy each.
   */
  tell(error: Error | null): void {
    for (const done of this.dones) done(error);
    this.dones.length = this.members.length = this.ends.length = 0;
  }
}

/** What the journal works with and whom it tells. */
export interface JournalOptions {
  readonly pool: SlabPool; readonly files: JournalFiles; readonly lane: Lane; readonly clock: Clock;
  readonly journalId: bigint; readonly term: number; readonly from: JournalPosition;
  /** The group is durable: called before the next turn of the loop, in order. */
  readonly onCommitted: (group: Group, result: LaneResult) => void;
  /** The lane failed: called once, with every group that will never be durable. */
  readonly onFailed: (error: Error, groups: readonly Group[]) => void;
}

/** The journal's writer. */
export class Journal {
  readonly #options: JournalOptions;
  #slab: Slab | null = null;
  #open: Group | null = null;
  readonly #closed: Group[] = [];
  readonly #inFlight: Group[] = [];
  #position: JournalPosition;
  #syncedSequence: number;
  /** Highest sequence that a submitted group says is synced. */
  #provenSequence: number;
  #proving: Timer | null = null;
  #scheduled = false;
  #failed = false;
  #stopped = false;
  readonly #idle: (() => void)[] = [];
  /** Bytes written to the device for the journal. */
  deviceBytes = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#syncedSequence = this.#provenSequence = options.from.nextSequence - 1;
    options.files.onReady = () => this.#pump();
  }

  /** The group that entries go to; valid after a successful reserve. */
  get open(): Group {
    assert(this.#open !== null, 'entries follow a reservation');
    return this.#open;
  }

  /** Groups that the lane has not confirmed, and closed ones that wait for it. */
  get groupsInFlight(): number { return this.#inFlight.length; }
  get groupsWaiting(): number { return this.#closed.length; }
  /** How long the oldest group has been with the lane; 0 when none is. */
  get waitMs(): number { return this.#inFlight.length === 0 || this.#failed ? 0 : this.#options.clock.monotonicMs() - this.#inFlight[0]!.submittedMs; }

  get isIdle(): boolean { return this.#open === null && this.#closed.length === 0 && this.#inFlight.length === 0; }

  /** Makes sure that the open group takes `bytes` of entries (see entryBytes) together; false when memory is full. */
  reserve(bytes: number): boolean {
    const group = this.#open;
    if (group !== null) {
      const fits = group.at + alignUp(group.bytes + bytes) <= group.slab.bytes.length;
      if (fits && (group.bytes + bytes <= limits.log.groupBytesMax || group.entryCount === 0)) return true;
      if (group.entryCount > 0) this.#closeGroup();
    }
    const needed = alignUp(groupHeaderBytes + bytes);
    if (this.#slab === null || this.#slab.used + needed > this.#slab.bytes.length) {
      const slab = this.#options.pool.take(needed);
      if (slab === null) return false;
      this.#dropOpen();
      if (this.#slab !== null) this.#slab.filling = false;
      this.#slab = slab;
    }
    if (this.#open === null) {
      this.#open = new Group(this.#slab, this.#slab.used);
      this.#slab.unflushedGroups++;
    }
    return true;
  }

  /** Adds an entry to the open group and returns where its body goes in `open.slab`. */
  entry(kind: EntryKind, partitionId: number, bodyBytes: number, position: number, offset: number): number {
    const group = this.open;
    const at = group.at + group.bytes;
    writeEntryHeader(group.slab.view, at, kind, partitionId, bodyBytes, position, offset);
    group.bytes += entryBytes(bodyBytes);
    group.entryCount++;
    assert(group.at + group.bytes <= group.slab.bytes.length, 'entries stay within their reservation');
    return at + entryBytes(0);
  }

  /** The open group raises the member's end to `end` once durable. */
  join(member: GroupMember, end: number): void {
    const group = this.open;
    if (member.groupMark !== group) {
      member.groupMark = group;
      member.groupIndex = group.members.length;
      group.members.push(member);
      group.ends.push(end);
    } else {
      group.ends[member.groupIndex] = end;
    }
  }

  /** To be called after entries were added: the group closes when the lane is free. */
  kick(): void {
    if (this.#scheduled) return;
    if (this.#inFlight.length > 0 && !(this.#inFlight.length < inFlightMax && this.#open !== null && this.#open.bytes >= pipelineBytesMin)) return;
    this.#scheduled = true;
    this.#options.clock.soon(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Resolves when all that was added is durable (or failed). */
  async drain(): Promise<void> {
    if (this.isIdle || this.#failed) return;
    this.kick();
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Submits nothing more, waits for what is in flight, and answers the groups that will never be durable: the log closes on a full disk. */
  async giveUp(): Promise<Group[]> {
    const lost = [...this.#closed.splice(0), ...(this.#open === null ? [] : [this.#open])];
    this.#open = null;
    this.#stopped = true;
    await this.drain();
    return lost;
  }

  /** No more groups without entries: the log is closing. */
  stop(): void {
    this.#stopped = true;
    this.#proving?.cancel();
  }

  #closeGroup(): void {
    const group = this.open;
    group.slab.used = group.at + alignUp(group.bytes);
    this.#closed.push(group);
    this.#open = null;
  }

  /** An open group without entries gives its place back. */
  #dropOpen(): void {
    if (this.#open === null) return;
    assert(this.#open.entryCount === 0, 'only an empty group is dropped');
    this.#open.slab.unflushedGroups--;
    this.#open = null;
  }

  /** Submits what is ready, as far as lane and files allow. */
  #pump(): void {
    while (!this.#failed && this.#inFlight.length < inFlightMax) {
      if (this.#closed.length === 0) {
        const open = this.#open;
        if (open === null || open.entryCount === 0) break;
        if (this.#inFlight.length > 0 && open.bytes < pipelineBytesMin) break;
        this.#closeGroup();
      }
      if (!this.#submit(this.#closed[0]!)) break;
      this.#closed.shift();
    }
    if (this.isIdle || this.#failed) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #submit(group: Group): boolean {
    const { files, lane, journalId, term } = this.#options;
    const bytes = alignUp(group.bytes);
    const place = files.place(bytes);
    if (place === null) return false;
    const { nextSequence: sequence, previousCrc } = this.#position;
    const crc = sealGroup(group.slab.bytes, group.at, {
      bytes: group.bytes, journalId, sequence, previousCrc, entryCount: group.entryCount, syncedSequence: this.#syncedSequence, term, fileSequence: place.fileSequence,
    });
    group.after = this.#position = { fileSequence: place.fileSequence, position: place.position + bytes, nextSequence: sequence + 1, previousCrc: crc };
    this.#provenSequence = this.#syncedSequence;
    const steps: LaneStep[] = [];
    if (place.header !== null) steps.push({ kind: 'write', file: place.file, position: 0, parts: [place.header] });
    steps.push({ kind: 'write', file: place.file, position: place.position, parts: [group.slab.bytes.subarray(group.at, group.at + bytes)] });
    steps.push({ kind: 'sync', file: place.file });
    this.deviceBytes += bytes + (place.header?.length ?? 0);
    group.submittedMs = this.#options.clock.monotonicMs();
    this.#inFlight.push(group);
    lane.submit(steps, (error, result) => this.#finish(group, error, result));
    return true;
  }

  #finish(group: Group, error: Error | null, result: LaneResult): void {
    if (this.#failed) return;
    if (error !== null) {
      this.#failed = true;
      const lost = [...this.#inFlight.splice(0), ...this.#closed.splice(0), ...(this.#open === null ? [] : [this.#open])];
      this.#open = null;
      this.#options.onFailed(error, lost);
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    assert(this.#inFlight.shift() === group, 'J5: groups commit in order');
    this.#syncedSequence = group.after.nextSequence - 1;
    this.#pump();
    this.#options.onCommitted(group, result);
    if (group.entryCount > 0 && this.isIdle && !this.#stopped) this.#proveLater();
  }

  #proveLater(): void {
    this.#proving ??= this.#options.clock.after(proveAfterMs, () => {
      this.#proving = null;
      if (!this.isIdle || this.#failed || this.#stopped || this.#provenSequence === this.#syncedSequence || !this.reserve(0)) return;
      this.#closeGroup();
      this.#pump();
    });
  }
}
