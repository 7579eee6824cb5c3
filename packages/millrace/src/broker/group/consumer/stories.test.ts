// broker/group/consumer/stories.test.ts - consumer groups told as stories, as ../stories.test.ts tells classic ones: each file of stories/ is a script
// with what happened after each line. Run with MILLRACE_UPDATE=1 to write down what happens now, and read the difference.
// Members of the consumer protocol (they name what they have with each heartbeat; `take` makes them have what they were last told):
//   join NAME [topics=t,u] [pattern=P] [static=I] [assignor=A] [rebalance=MS] [as=ID]   beat NAME [epoch=N] [topics=] [pattern=]   take NAME   leave NAME   away NAME
//   Members of the classic one: cjoin NAME [topics=] [static=] [protocols=]   csync NAME   cbeat NAME   cleave NAME...
//   commit NAME|- T-P=OFFSET... [epoch=N] [version=V]   fetch NAME [epoch=N]   topic T N (0 deletes)   delete   wait MS   crash   show
//   hold / durable / refuse (writes wait / become durable / fail)   config key=value...
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { limits } from '../../../base/mod.ts';
import { linearPattern } from '../../../os/mod.ts';
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription, decodeVersioned, encodeVersioned, errorName } from '../../../wire/mod.ts';
import type { ConsumerHeartbeatReply, Effect, GroupEvent, JoinReply, Now, SyncReply, WriteChain } from '../effects.ts';
import { TestTopics, testConsumerConfig } from '../fixture.ts';
import { emptyGroup, type Group } from '../group.ts';
import { Image } from '../image.ts';
import { restoreGroup } from '../restore.ts';
import { stateName, typeName } from '../state-name.ts';
import { step } from '../step.ts';
import { fetchFault } from './commit.ts';
import { listsOf, type PartitionLists } from './partitions.ts';

const folder = join(import.meta.dirname, 'stories');

for (const file of readdirSync(folder).sort()) {
  test(`story of a consumer group: ${file.replace('.txt', '').replaceAll('-', ' ')}`, () => {
    const path = join(folder, file);
    const told = readFileSync(path, 'utf8');
    const played = new Story().tell(told);
    if (process.env.MILLRACE_UPDATE === '1') writeFileSync(path, played);
    else assert.equal(played, told, `${file} goes another way; MILLRACE_UPDATE=1 writes it down`);
  });
}

/** What a client knows of itself. */
interface Client { memberId: string; epoch: number; instanceId: string | null; owns: PartitionLists; told: PartitionLists; topics: string[]; protocols: string[] }
type Write = { readonly effect: Extract<Effect, { kind: 'append' }>; readonly refused: boolean };

class Story {
  readonly #topics = new TestTopics({ flights: 4, delays: 2 });
  readonly #consumer = testConsumerConfig();
  readonly #config = { initialRebalanceDelayMs: 0, sessionTimeoutMinMs: 10, sessionTimeoutMaxMs: 1_800_000, membersMax: 1000, consumer: this.#consumer, topics: this.#topics };
  #now: Now = { monotonicMs: 0, wallMs: 1_000_000 };
  #group: Group = emptyGroup('g', this.#config, this.#now.wallMs);
  #image = new Image();
  readonly #clients = new Map<string, Client>();
  #writes: Write[] = [];
  #holding = false;
  #refusing = false;
  #names = 0;
  #wakeAtMs = Infinity;
  readonly #lines: string[] = [];

  tell(script: string): string {
    for (const line of script.trimEnd().split('\n')) {
      if (line.startsWith('#') || line === '') this.#lines.push(line);
      else if (line.startsWith('> ')) {
        this.#lines.push(line);
        this.#command(line.slice(2).trim().split(/\s+/));
      }
    }
    return `${this.#lines.join('\n')}\n`;
  }

  #say(text: string): void { this.#lines.push(`  ${text}`); }

  #command([verb, ...words]: string[]): void {
    const options = Object.fromEntries(words.filter((word) => word.includes('=')).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
    const [name = ''] = words;
    switch (verb) {
      case 'join': return this.#join(name, options);
      case 'beat': return this.#beat(name, options);
      case 'take': this.#client(name).owns = this.#client(name).told; return;
      case 'leave': return this.#goodbye(name, -1);
      case 'away': return this.#goodbye(name, -2);
      case 'cjoin': return this.#classicJoin(name, options);
      case 'csync': return this.#send({ kind: 'sync', to: { answer: (body) => this.#synced(name, body) }, ...this.#as(name), protocolType: 'consumer', protocolName: this.#client(name).protocols[0]!, assignments: [] });
      case 'cbeat': return this.#send({ kind: 'heartbeat', to: this.#code(`${name} heartbeat`), ...this.#as(name) });
      case 'cleave': return this.#send({ kind: 'leave', to: { answer: ({ members }) => { for (const member of members ?? []) this.#say(`leave ${member.memberId}: ${codeName(member.errorCode ?? 0)}`); } }, members: words.map((one) => ({ memberId: this.#client(one).memberId, instanceId: null })) });
      case 'commit': return this.#commit(name, options);
      case 'fetch': {
        const { phase } = this.#group;
        assert.ok(phase.kind === 'consumer');
        return this.#say(`${name} may read offsets: ${codeName(fetchFault(phase.membership, this.#client(name).memberId, Number(options.epoch ?? this.#client(name).epoch)))}`);
      }
      case 'topic': return this.#topic(name, Number(words[1]));
      case 'delete': return this.#send({ kind: 'delete', to: this.#code('delete') });
      case 'wait': return this.#wait(Number(name));
      case 'hold': this.#holding = true; return;
      case 'durable': this.#holding = false; this.#refusing = false; return this.#settle();
      case 'refuse': this.#refusing = true; return;
      case 'crash': return this.#crash();
      case 'show': return this.#show();
      case 'config': for (const [key, value] of Object.entries(options)) Object.assign(this.#consumer, { [key]: value === 'true' || value === 'false' ? value === 'true' : Number(value) }); return;
      default: throw new Error(`no command '${verb}'`);
    }
  }

  #client(name: string): Client {
    let client = this.#clients.get(name);
    if (client === undefined) this.#clients.set(name, client = { memberId: name, epoch: 0, instanceId: null, owns: [], told: [], topics: ['flights'], protocols: ['range'] });
    return client;
  }

  #as(name: string) {
    const { memberId, instanceId, epoch: generation } = this.#client(name);
    return { memberId, instanceId, generation };
  }

  #code(what: string) {
    return { answer: ({ errorCode, refused }: { errorCode: number; refused?: { entries: ReadonlySet<{ topic: string; partition: number }>; errorCode: number } }) => this.#say(`${what}: ${codeName(errorCode)}${[...refused?.entries ?? []].map((entry) => `, ${entry.topic}-${entry.partition}: ${errorName(refused!.errorCode)}`).join('')}`) };
  }

  #join(name: string, options: Record<string, string>): void {
    const client = this.#client(name);
    Object.assign(client, { memberId: options.as ?? client.memberId, instanceId: options.static ?? client.instanceId, epoch: 0, owns: [], told: [] });
    this.#heartbeat(name, { topics: options.pattern === undefined ? (options.topics?.split(',') ?? ['flights']) : null, pattern: options.pattern ?? null, assignor: options.assignor ?? null, rebalanceTimeoutMs: Number(options.rebalance ?? 60_000), owned: [] });
  }

  #beat(name: string, options: Record<string, string>): void {
    this.#heartbeat(name, { topics: options.topics?.split(',').filter((one) => one !== '') ?? null, pattern: options.pattern ?? null, assignor: null, rebalanceTimeoutMs: -1, owned: this.#client(name).owns, ...(options.epoch === undefined ? {} : { memberEpoch: Number(options.epoch) }) });
  }

  #goodbye(name: string, memberEpoch: number): void {
    this.#heartbeat(name, { topics: null, pattern: null, assignor: null, rebalanceTimeoutMs: -1, owned: null, memberEpoch });
  }

  #heartbeat(name: string, said: { topics: string[] | null; pattern: string | null; assignor: string | null; rebalanceTimeoutMs: number; owned: PartitionLists | null; memberEpoch?: number }): void {
    const client = this.#client(name);
    this.#send({
      kind: 'consumer-heartbeat', to: { answer: (body) => this.#beaten(name, said.memberEpoch ?? client.epoch, body) }, memberId: client.memberId, memberEpoch: client.epoch, instanceId: client.instanceId, rackId: null,
      clientId: name, clientHost: '/127.0.0.1', ...said, pattern: said.pattern === null ? null : this.#match(said.pattern),
    });
  }

  #match(text: string) {
    if (text === '') return { text, topics: [], fault: null };
    try {
      const matches = linearPattern(text, limits.group.patternSizeMax);
      return { text, topics: [...this.#topics.counts.keys()].filter(matches).sort(), fault: null };
    } catch (error) {
      return { text, topics: null, fault: `SubscribedTopicRegex ${(error as Error).message}` };
    }
  }

  #beaten(name: string, epoch: number, body: ConsumerHeartbeatReply): void {
    const client = this.#client(name);
    if (body.errorCode !== 0) return this.#say(`${name}: ${errorName(body.errorCode!)}`);
    if (epoch < 0) return this.#say(`${name}: gone`);
    client.epoch = body.memberEpoch!;
    const { assignment } = body;
    if (assignment) client.told = assignment.topicPartitions!.map(({ topicId, partitions }) => ({ topicId: topicId!, partitions: partitions! }));
    this.#say(`${name}: epoch ${body.memberEpoch}${assignment ? `, shall have ${this.#text(client.told)}` : ''}${body.heartbeatIntervalMs === 1000 ? '' : `, come back in ${body.heartbeatIntervalMs} ms`}`);
  }

  #classicJoin(name: string, options: Record<string, string>): void {
    const client = this.#client(name);
    client.instanceId = options.static ?? client.instanceId;
    client.topics = options.topics?.split(',') ?? client.topics;
    client.protocols = options.protocols?.split(',') ?? client.protocols;
    const ownedPartitions = client.owns.map(({ topicId, partitions }) => ({ topic: this.#topics.nameOf(topicId) ?? '', partitions: [...partitions] }));
    const metadata = encodeVersioned(ConsumerProtocolSubscription, 3, { topics: client.topics, userData: null, ownedPartitions, generationId: client.epoch, rackId: null });
    const memberId = client.memberId === name && !this.#isIn(name) ? '' : client.memberId;
    this.#send({
      kind: 'join', to: { answer: (body) => this.#joined(name, body) }, memberId, freshId: memberId === '' ? `${name}-${++this.#names}` : '', instanceId: client.instanceId,
      clientId: name, clientHost: '/127.0.0.1', protocolType: 'consumer', protocols: client.protocols.map((protocol) => ({ name: protocol, metadata })), sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, nameFirst: false, canSkipAssignment: true,
    });
  }

  #isIn(memberId: string): boolean {
    return this.#group.members.has(memberId) || (this.#group.phase.kind === 'consumer' && this.#group.phase.membership.members.has(memberId));
  }

  #joined(name: string, body: JoinReply): void {
    const client = this.#client(name);
    if (body.errorCode !== 0) return this.#say(`${name} join: ${errorName(body.errorCode!)}`);
    client.memberId = body.memberId!;
    client.epoch = body.generationId!;
    this.#say(`${name} join: ${body.memberId} in generation ${body.generationId}, ${body.protocolName}${body.leader === body.memberId ? ', leads' : ''}`);
  }

  #synced(name: string, body: SyncReply): void {
    if (body.errorCode !== 0) return this.#say(`${name} sync: ${errorName(body.errorCode!)}`);
    const bytes = body.assignment!;
    const assigned = bytes.length === 0 ? [] : decodeVersioned(ConsumerProtocolAssignment, bytes).value.assignedPartitions;
    this.#client(name).told = assigned.map(({ topic, partitions }) => ({ topicId: this.#topics.idOf(topic) ?? '', partitions }));
    this.#say(`${name} sync: ${this.#text(this.#client(name).told)}`);
  }

  #commit(name: string, options: Record<string, string>): void {
    const { epoch, version, ...offsets } = options;
    const entries = Object.entries(offsets).map(([at, offset]) => {
      const topic = at.slice(0, at.lastIndexOf('-'));
      return { topic, partition: Number(at.slice(topic.length + 1)), value: { offset: Number(offset), leaderEpoch: -1, metadata: '', commitTimestampMs: this.#now.wallMs, expireTimestampMs: -1, topicId: this.#topics.idOf(topic)! } };
    });
    const as = name === '-' ? { memberId: '', instanceId: null, generation: -1 } : this.#as(name);
    this.#send({ kind: 'commit', to: this.#code(`${name} commit`), entries, version: Number(version ?? 9), ...as, ...(epoch === undefined ? {} : { generation: Number(epoch) }) });
  }

  #topic(name: string, count: number): void {
    this.#topics.set(name, count);
    const { phase } = this.#group;
    const patterns = phase.kind === 'consumer' ? [...phase.membership.patterns.keys()] : [];
    this.#send({ kind: 'topics-changed', matching: new Map(patterns.map((pattern) => [pattern, this.#match(pattern).topics!])) });
  }

  #send(event: GroupEvent): void {
    this.#run(step(this.#group, event, this.#now));
    this.#settle();
  }

  #run(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'reply') effect.to.answer(effect.body);
      else if (effect.kind === 'wake') this.#wakeAtMs = effect.atMs;
      else if (effect.kind === 'gone') this.#say('the group is gone');
      else this.#append(effect);
    }
  }

  #append(effect: Extract<Effect, { kind: 'append' }>): void {
    const refused = this.#refusing || (effect.chain as WriteChain | undefined)?.broken === true;
    if (refused && effect.chain) effect.chain.broken = true;
    this.#writes.push({ effect, refused });
    if (!refused) for (const record of effect.records) this.#image.apply('g', record);
  }

  #settle(): void {
    while (!this.#holding && this.#writes.length > 0) {
      const { effect: { purpose }, refused } = this.#writes.shift()!;
      this.#run(step(this.#group, { kind: 'written', purpose, errorCode: refused ? 15 : 0, stored: refused ? this.#image.groups.get('g') ?? null : null }, this.#now));
    }
  }

  #wait(ms: number): void {
    const untilMs = this.#now.monotonicMs + ms;
    while (this.#wakeAtMs <= untilMs) {
      this.#advance(Math.max(this.#wakeAtMs, this.#now.monotonicMs));
      this.#wakeAtMs = Infinity;
      this.#send({ kind: 'tick' });
    }
    this.#advance(untilMs);
  }

  #advance(toMs: number): void {
    this.#now = { monotonicMs: toMs, wallMs: this.#now.wallMs + toMs - this.#now.monotonicMs };
  }

  #crash(): void {
    this.#writes = [];
    this.#wakeAtMs = Infinity;
    const stored = this.#image.groups.get('g');
    if (stored === undefined) this.#group = emptyGroup('g', this.#config, -1);
    else {
      const { group, effects } = restoreGroup('g', stored, this.#config, this.#now);
      this.#group = group;
      this.#run(effects);
    }
  }

  #show(): void {
    const group = this.#group;
    if (group.phase.kind !== 'consumer') {
      this.#say(`${typeName(group)}, ${stateName(group)}, generation ${group.generation}: ${[...group.members.keys()].join(' ') || 'nobody'}`);
    } else {
      const { membership } = group.phase;
      this.#say(`${typeName(group)}, ${stateName(group)}, epoch ${membership.epoch}`);
      for (const member of membership.members.values()) {
        const revoking = this.#text(listsOf(member.revoking));
        this.#say(`${member.id}${member.classic ? ' (classic)' : ''}: ${member.state}, epoch ${member.epoch}, has ${this.#text(listsOf(member.assigned))}${revoking === 'nothing' ? '' : `, gives up ${revoking}`}, shall have ${this.#text(listsOf(member.target))}`);
      }
      for (const [pattern, topics] of membership.patterns) this.#say(`pattern ${pattern} is ${topics.join(' ') || 'nothing'}`);
    }
    for (const [topic, partitions] of group.offsets) for (const [partition, value] of partitions) this.#say(`offset ${topic}-${partition} is ${value.offset}`);
  }

  #text(lists: PartitionLists): string {
    return lists.filter(({ partitions }) => partitions.length > 0).map(({ topicId, partitions }) => `${this.#topics.nameOf(topicId) ?? 'a topic that is gone'} ${partitions.join(',')}`).sort().join(' ') || 'nothing';
  }
}

const codeName = (errorCode: number): string => (errorCode === 0 ? 'ok' : errorName(errorCode));
