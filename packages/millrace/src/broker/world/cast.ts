// broker/world/cast.ts - who plays which broker: the node ids of one process, who leads what, who coordinates whom, and with which epoch.
// Owns: leaders, coordinators, epochs, addresses. Never: requests (layer.ts), the log, which knows one leader and one epoch.
// B1 A leader's epoch only rises, also over restarts: epochs above what was ever told are reserved in the node's facts before they are used.
// B2 Where there is one broker, a move gives the partition its leader anew: the next request about it is told NOT_LEADER_OR_FOLLOWER once.
import { limits, MillraceError } from '../../base/mod.ts';
import type { ListenerInfo } from '../handlers.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { partitionName } from '../topics/topic-name.ts';

/** What a coordinator keeps. */
export type Coordinated = 'group' | 'transaction';

const epochKey = 'world/epoch';
const epochsReserved = 10_000;

/** The brokers that one process plays. */
export class Cast {
  /** Ids of all brokers, the node's own first. */
  readonly nodeIds: readonly number[];
  readonly #facts: KeyedLog;
  /** By listener name and node id: what clients of such a listener are told. */
  readonly #addresses = new Map<string, Map<number, ListenerInfo>>();
  readonly #leaders = new Map<string, { readonly nodeId: number; readonly epoch: number }>();
  readonly #coordinators = new Map<string, number>();
  /** Partitions and coordinators that were moved where there is nowhere to move to (B2). */
  readonly #moved = new Set<string>();
  readonly #epochBase: number;
  #epochNext: number;
  #epochReserved: number;
  #version = 0;

  constructor(nodeId: number, brokerCount: number, facts: KeyedLog) {
    this.nodeIds = Array.from({ length: brokerCount }, (_, i) => nodeId + i);
    this.#facts = facts;
    const text = facts.values.get(epochKey);
    this.#epochBase = text === undefined ? 0 : (JSON.parse(text) as { epoch: number }).epoch;
    this.#epochNext = this.#epochBase + 1;
    this.#epochReserved = this.#epochBase;
  }

  /** True when requests may be at the wrong broker, or bring an epoch that the log does not know. */
  get isActive(): boolean { return this.nodeIds.length > 1 || this.#epochBase > 0 || this.#version > 0; }
  /** Rises with each move. */
  get version(): number { return this.#version; }

  /** A listener was opened. */
  listens(info: ListenerInfo): void {
    let nodes = this.#addresses.get(info.name);
    if (nodes === undefined) this.#addresses.set(info.name, nodes = new Map());
    nodes.set(info.nodeId ?? this.nodeIds[0]!, info);
  }

  /** Where clients of a listener find a broker; a listener that only some brokers have is told by its own address. */
  address(nodeId: number, listener: ListenerInfo): { readonly host: string; readonly port: number } {
    const info = this.#addresses.get(listener.name)?.get(nodeId) ?? listener;
    return { host: info.advertisedHost, port: info.advertisedPort };
  }

  /** The broker behind a listener. */
  nodeOf(listener: ListenerInfo): number { return listener.nodeId ?? this.nodeIds[0]!; }

  /** The leader of a partition: spread by topic and index, until it is moved. */
  leaderOf(topic: string, index: number): number {
    return this.#leaders.get(partitionName(topic, index))?.nodeId ?? this.nodeIds[(hash(topic) + index) % this.nodeIds.length]!;
  }

  epochOf(topic: string, index: number): number {
    return this.#leaders.get(partitionName(topic, index))?.epoch ?? this.#epochBase;
  }

  coordinatorOf(kind: Coordinated, name: string): number {
    return this.#coordinators.get(`${kind} ${name}`) ?? this.nodeIds[hash(name) % this.nodeIds.length]!;
  }

  /** True once after a move that led nowhere (B2). */
  takeMoved(key: string): boolean { return this.#moved.size > 0 && this.#moved.delete(key); }

  /** Reserves epochs, durably (B1): before the first move, and again before they run out. */
  async reserveEpochs(): Promise<void> {
    if (this.#epochReserved - this.#epochNext >= epochsReserved / 2) return;
    const epoch = this.#epochNext + epochsReserved;
    await this.#facts.write([{ key: epochKey, value: JSON.stringify({ version: 1, epoch }) }]);
    this.#epochReserved = Math.max(this.#epochReserved, epoch);
  }

  /** Moves a partition to the named broker, or to the next one. False when no epoch is reserved: nothing moved. */
  moveLeader(topic: string, index: number, to?: number): boolean {
    if (this.#epochNext >= this.#epochReserved) return false;
    const name = partitionName(topic, index);
    if (this.#leaders.size >= limits.world.movesMax && !this.#leaders.has(name)) throw new MillraceError('overloaded', `Cannot move '${name}': ${limits.world.movesMax} partitions were moved`);
    const from = this.leaderOf(topic, index);
    const nodeId = to ?? this.#next(from);
    this.#leaders.set(name, { nodeId: this.#known(nodeId), epoch: this.#epochNext++ });
    if (nodeId === from) this.#moved.add(name);
    this.#version++;
    return true;
  }

  /** Moves a group or transactional id to the named broker, or to the next one. */
  moveCoordinator(kind: Coordinated, name: string, to?: number): void {
    const key = `${kind} ${name}`;
    if (this.#coordinators.size >= limits.world.movesMax && !this.#coordinators.has(key)) throw new MillraceError('overloaded', `Cannot move ${key}: ${limits.world.movesMax} were moved`);
    const from = this.coordinatorOf(kind, name);
    const nodeId = to ?? this.#next(from);
    this.#coordinators.set(key, this.#known(nodeId));
    if (nodeId === from) this.#moved.add(key);
    this.#version++;
  }

  #next(nodeId: number): number { return this.nodeIds[(this.nodeIds.indexOf(nodeId) + 1) % this.nodeIds.length]!; }

  #known(nodeId: number): number {
    if (this.nodeIds.includes(nodeId)) return nodeId;
    throw new MillraceError('invalid-argument', `Cannot move to broker ${nodeId}: there are ${this.nodeIds.join(', ')}`, { nodeId });
  }
}

/** FNV-1a over UTF-16 units, as a whole number from 0. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value ^ (value >>> 15)) >>> 1;
}
