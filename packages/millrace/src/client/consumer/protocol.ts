// client/consumer/protocol.ts - what members of a classic group tell each other through the coordinator: subscriptions and assignments.
// Owns: the bytes of Kafka's consumer protocol (ConsumerProtocolSubscription, ConsumerProtocolAssignment) and of the sticky
// assignors' userData, so that Java, librdkafka and others can share a group with us. Never: who gets what (assignor-*.ts).
// Subscription: version int16, topics [string], userData bytes|null, v1+ ownedPartitions [topic, [int32]], v2+ generation int32, v3+ rack string|null.
// Assignment: version int16, partitions [topic, [int32]], userData bytes|null. A higher version has fields at the end only, which are ignored.
import { MillraceError } from '../../base/mod.ts';

/** Partitions by topic; the lists are sorted. */
export type PartitionsByTopic = ReadonlyMap<string, readonly number[]>;

/** What one member asks for. */
export interface Subscription {
  readonly topics: readonly string[];
  readonly userData: Uint8Array | null;
  /** What the member still holds; empty for eager members. */
  readonly owned: PartitionsByTopic;
  /** Generation in which it got `owned`; -1 when unknown. */
  readonly generation: number;
  readonly rack: string | null;
}

const subscriptionVersion = 3;
const assignmentVersion = 1;
const text = { encode: new TextEncoder(), decode: new TextDecoder() };

/** Bytes for JoinGroup's protocol metadata. */
export function encodeSubscription(subscription: Subscription): Uint8Array {
  const out = new Writer();
  out.int16(subscriptionVersion);
  out.int32(subscription.topics.length);
  for (const topic of subscription.topics) out.string(topic);
  out.bytes(subscription.userData);
  out.partitions(subscription.owned);
  out.int32(subscription.generation);
  out.string(subscription.rack);
  return out.done();
}

/** Reads any version. Throws 'invalid-bytes'. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const input = new Reader(bytes);
  const version = input.int16();
  const topics = input.list(() => input.string() ?? '');
  const userData = input.bytes();
  const owned = version >= 1 && input.left > 0 ? input.partitions() : new Map<string, number[]>();
  const generation = version >= 2 && input.left > 0 ? input.int32() : -1;
  const rack = version >= 3 && input.left > 0 ? input.string() : null;
  return { topics, userData, owned, generation, rack };
}

/** Bytes for SyncGroup's assignment. */
export function encodeAssignment(partitions: PartitionsByTopic, userData: Uint8Array | null = null): Uint8Array {
  const out = new Writer();
  out.int16(assignmentVersion);
  out.partitions(partitions);
  out.bytes(userData);
  return out.done();
}

/** Reads any version; no bytes at all are an empty assignment. Throws 'invalid-bytes'. */
export function decodeAssignment(bytes: Uint8Array): PartitionsByTopic {
  if (bytes.length === 0) return new Map();
  const input = new Reader(bytes);
  input.int16();
  return input.partitions();
}

/** userData of Java's cooperative-sticky assignor: the generation alone. */
export function encodeCooperativeUserData(generation: number): Uint8Array {
  const out = new Writer();
  out.int32(generation);
  return out.done();
}

/** Generation in a cooperative-sticky userData; -1 when there is none. */
export function decodeCooperativeUserData(bytes: Uint8Array | null): number {
  return bytes && bytes.length >= 4 ? new Reader(bytes).int32() : -1;
}

/** userData of Java's eager sticky assignor: what was owned, and since which generation. */
export function encodeStickyUserData(owned: PartitionsByTopic, generation: number): Uint8Array {
  const out = new Writer();
  out.partitions(owned);
  out.int32(generation);
  return out.done();
}

/** Reads both forms of a sticky userData (the older has no generation). Damaged bytes are taken as "owned nothing". */
export function decodeStickyUserData(bytes: Uint8Array | null): { owned: PartitionsByTopic; generation: number } {
  if (!bytes || bytes.length < 4) return { owned: new Map(), generation: -1 };
  try {
    const input = new Reader(bytes);
    const owned = input.partitions();
    return { owned, generation: input.left >= 4 ? input.int32() : -1 };
  } catch {
    return { owned: new Map(), generation: -1 };
  }
}

class Writer {
  readonly #parts: Uint8Array[] = [];

  int16(value: number): void { this.#number(2, (view) => view.setInt16(0, value)); }
  int32(value: number): void { this.#number(4, (view) => view.setInt32(0, value)); }

  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const bytes = text.encode.encode(value);
    this.int16(bytes.length);
    this.#parts.push(bytes);
  }

  bytes(value: Uint8Array | null): void {
    this.int32(value === null ? -1 : value.length);
    if (value) this.#parts.push(value);
  }

  partitions(partitions: PartitionsByTopic): void {
    this.int32(partitions.size);
    for (const [topic, list] of partitions) {
      this.string(topic);
      this.int32(list.length);
      for (const partition of list) this.int32(partition);
    }
  }

  done(): Uint8Array {
    const out = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) { out.set(part, at); at += part.length; }
    return out;
  }

  #number(bytes: number, write: (view: DataView) => void): void {
    const part = new Uint8Array(bytes);
    write(new DataView(part.buffer));
    this.#parts.push(part);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number { return this.#bytes.length - this.#at; }
  int16(): number { return this.#view.getInt16(this.#take(2)); }
  int32(): number { return this.#view.getInt32(this.#take(4)); }

  string(): string | null {
    const length = this.int16();
    if (length < 0) return null;
    const at = this.#take(length);
    return text.decode.decode(this.#bytes.subarray(at, at + length));
  }

  bytes(): Uint8Array | null {
    const length = this.int32();
    if (length < 0) return null;
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  list<T>(item: () => T): T[] {
    const count = this.int32();
    if (count > this.left) throw cut();
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }

  partitions(): Map<string, number[]> {
    const byTopic = new Map<string, number[]>();
    this.list(() => {
      const topic = this.string() ?? '';
      const before = byTopic.get(topic) ?? [];
      byTopic.set(topic, [...before, ...this.list(() => this.int32())].sort((a, b) => a - b));
    });
    return byTopic;
  }

  #take(count: number): number {
    if (count > this.left) throw cut();
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

function cut(): MillraceError {
  return new MillraceError('invalid-bytes', "Cannot read a group member's message: it is cut short or not of the consumer protocol");
}
