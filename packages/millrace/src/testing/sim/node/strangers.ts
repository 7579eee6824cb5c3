// testing/sim/node/strangers.ts - a client that joins groups by hand: wrongly, and from first join to leave, checking every answer.
// Owns: what a classic group answers to one member. G1 What is refused is refused with its code, and says again who was refused.
// G2 A member alone leads, gets back its metadata and its assignment byte for byte, and is nobody once it has left.
import { Heartbeat, JoinGroup, LeaveGroup, OffsetCommit, SyncGroup, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, passes } from './actor.ts';
import type { Stage } from './actor.ts';
import type { Target } from './producers.ts';

const sessionTimeoutMs = 10_000;

/** Joins wrongly, and rightly. */
export class Stranger extends Actor {
  readonly #target: Target;
  readonly #groupOfOthers: string;
  #groups = 0;

  constructor(name: string, stage: Stage, target: Target, groupOfOthers: string) {
    super(name, stage);
    this.#target = target;
    this.#groupOfOthers = groupOfOthers;
  }

  protected override async act(): Promise<void> {
    if (this.stage.random.chance(0.6)) await this.#joinWrongly();
    else await this.#liveInGroup();
  }

  async #joinWrongly(): Promise<void> {
    const { random, client } = this.stage;
    const groupId = random.pick([this.#groupOfOthers, `${this.name} knows it not`]);
    const wrong: [string, () => Promise<{ errorCode: number; memberId?: string }>, number[], string?][] = [
      ['a join by an unknown member', () => this.#join(groupId, 'nobody'), [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.INCONSISTENT_GROUP_PROTOCOL], 'nobody'],
      ['a join without a type', () => this.#join(groupId, '', { protocolType: '' }), [errorCodes.INCONSISTENT_GROUP_PROTOCOL]],
      ['a join without protocols', () => this.#join(groupId, '', { protocols: [] }), [errorCodes.INCONSISTENT_GROUP_PROTOCOL]],
      ['a join with a short session', () => this.#join(groupId, '', { sessionTimeoutMs: 1 }), [errorCodes.INVALID_SESSION_TIMEOUT]],
      ['a join with a long session', () => this.#join(groupId, '', { sessionTimeoutMs: 2 ** 31 - 1 }), [errorCodes.INVALID_SESSION_TIMEOUT]],
      ['a join to no group', () => this.#join('', 'somebody'), [errorCodes.INVALID_GROUP_ID], 'somebody'],
      ['a heartbeat of an unknown member', () => client.call(Heartbeat, 4, { groupId, generationId: 1, memberId: 'nobody' }), [errorCodes.UNKNOWN_MEMBER_ID]],
      ['a heartbeat to no group', () => client.call(Heartbeat, 4, { groupId: '', generationId: 1, memberId: 'nobody' }), [errorCodes.INVALID_GROUP_ID]],
      ['a sync of an unknown member', () => this.#sync(groupId, 'nobody', 1, new Uint8Array(0)), [errorCodes.UNKNOWN_MEMBER_ID]],
      ['a leave of an unknown member', async () => ({ errorCode: (await client.call(LeaveGroup, 5, { groupId, members: [{ memberId: 'nobody' }] })).members[0]!.errorCode }), [errorCodes.UNKNOWN_MEMBER_ID]],
      ['a commit of an unknown member', () => this.#commit(groupId, 'nobody', 7), [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.ILLEGAL_GENERATION]],
    ];
    const [what, ask, codes, memberId] = random.pick(wrong);
    const answer = await ask();
    this.trace(`${what}: ${answer.errorCode}`);
    if (passes(what, answer.errorCode, codes)) return;
    expect(codes.includes(answer.errorCode), `${what} to '${groupId}' was answered ${answer.errorCode}`);
    if (memberId !== undefined) expect(answer.memberId === memberId, `${what}: the answer is to '${String(answer.memberId)}', not to '${memberId}'`);
  }

  /** G2, in a group of its own. A fault on the way ends it. */
  async #liveInGroup(): Promise<void> {
    const life = this.stage.life();
    const groupId = `${this.name} alone ${this.#groups++}`;
    const named = await this.#join(groupId, '');
    if (this.#disturbed(life, 'JoinGroup', named.errorCode, [errorCodes.MEMBER_ID_REQUIRED])) return;
    expect(named.errorCode === errorCodes.MEMBER_ID_REQUIRED && named.memberId !== '', `a nameless join was answered ${named.errorCode} and '${named.memberId}'`);
    const { memberId } = named;
    const joined = await this.#join(groupId, memberId);
    if (this.#disturbed(life, 'JoinGroup', joined.errorCode)) return;
    const { generationId } = joined;
    expect(generationId === 1 && joined.leader === memberId && joined.memberId === memberId, `a member alone joined generation ${generationId}, led by '${joined.leader}'`);
    expect(joined.protocolName === 'range' && joined.members.length === 1 && Buffer.from(joined.members[0]!.metadata).toString() === `metadata of ${memberId || this.name}`, `a leader got ${joined.members.length} members and the protocol '${String(joined.protocolName)}'`);
    const assignment = Buffer.from(`assignment ${this.#groups}`);
    const synced = await this.#sync(groupId, memberId, generationId, assignment);
    if (this.#disturbed(life, 'SyncGroup', synced.errorCode)) return;
    expect(Buffer.compare(Buffer.from(synced.assignment), assignment) === 0, 'a member alone did not get the assignment that it made');
    await this.#actAsMember(life, groupId, memberId, generationId);
  }

  async #actAsMember(life: number, groupId: string, memberId: string, generation: number): Promise<void> {
    const { client } = this.stage;
    const leave = async () => (await client.call(LeaveGroup, 5, { groupId, members: [{ memberId }] })).members[0]?.errorCode ?? 0;
    const beat = async (generationId: number) => (await client.call(Heartbeat, 4, { groupId, generationId, memberId })).errorCode;
    const steps: [string, () => Promise<number>, number][] = [
      ['a heartbeat', () => beat(generation), errorCodes.NONE],
      ['a heartbeat of another generation', () => beat(generation + 1), errorCodes.ILLEGAL_GENERATION],
      ['a commit', async () => (await this.#commit(groupId, memberId, generation)).errorCode, errorCodes.NONE],
      ['a commit of another generation', async () => (await this.#commit(groupId, memberId, generation + 1)).errorCode, errorCodes.ILLEGAL_GENERATION],
      ['leaving', leave, errorCodes.NONE],
      ['a heartbeat after leaving', () => beat(generation), errorCodes.UNKNOWN_MEMBER_ID],
      ['leaving again', leave, errorCodes.UNKNOWN_MEMBER_ID],
    ];
    for (const [what, ask, code] of steps) {
      const errorCode = await ask();
      this.trace(`${what}: ${errorCode}`);
      if (this.#disturbed(life, what, errorCode, [code])) return;
      expect(errorCode === code, `${what} in '${groupId}' was answered ${errorCode}`);
    }
  }

  #disturbed(life: number, what: string, errorCode: number, allowed: readonly number[] = []): boolean {
    return passes(what, errorCode, allowed) || life !== this.stage.life();
  }

  #join(groupId: string, memberId: string, other: { protocolType?: string; protocols?: []; sessionTimeoutMs?: number } = {}) {
    const protocols = [{ name: 'range', metadata: Buffer.from(`metadata of ${memberId || this.name}`) }];
    return this.stage.client.call(JoinGroup, 9, { groupId, memberId, sessionTimeoutMs, rebalanceTimeoutMs: 5000, protocolType: 'consumer', protocols, ...other }, sessionTimeoutMs);
  }

  #sync(groupId: string, memberId: string, generationId: number, assignment: Uint8Array) {
    return this.stage.client.call(SyncGroup, 5, { groupId, memberId, generationId, protocolType: 'consumer', protocolName: 'range', assignments: [{ memberId, assignment }] });
  }

  async #commit(groupId: string, memberId: string, generationIdOrMemberEpoch: number): Promise<{ errorCode: number }> {
    const { topic, partition } = this.#target;
    const answer = await this.stage.client.call(OffsetCommit, 8, { groupId, memberId, generationIdOrMemberEpoch, topics: [{ name: topic, partitions: [{ partitionIndex: partition, committedOffset: 1 }] }] });
    return answer.topics[0]!.partitions[0]!;
  }
}
