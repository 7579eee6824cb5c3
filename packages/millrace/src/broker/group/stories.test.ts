// broker/group/stories.test.ts - groups told as stories: each file of stories/ is a script with what happened after each line.
// Owns: the language of the scripts. A line '> command' is executed; the lines under it are what the group did. Lines of '#' are prose.
// Run with MILLRACE_UPDATE=1 to write down what happens now, and read the difference.
//   join NAME [static=I] [named] [skip] [session=MS] [rebalance=MS] [protocols=p,q] [topics=t,u] [type=T] [as=ID]   sync NAME [m=work ...]
//   beat NAME   leave NAME...   remove-static I   commit NAME|- T-P=OFFSET... [expires=MS]   delete-offsets T-P...   delete   topic-gone T
//   generation NAME N   wait MS   expire MS   hold / durable / refuse (writes wait / become durable / fail)   crash   show   config key=value...
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConsumerProtocolSubscription, encodeVersioned, errorCodes, errorName, zeroUuid } from '../../wire/mod.ts';
import type { Effect, GroupEvent, JoinReply, LeaveReply, Now, Purpose, SyncReply } from './effects.ts';
import { TestTopics, testConsumerConfig } from './fixture.ts';
import { emptyGroup, type Group } from './group.ts';
import { emptyImage, Image } from './image.ts';
import { restoreGroup } from './restore.ts';
import { stateName } from './state-name.ts';
import { step } from './step.ts';

const folder = join(import.meta.dirname, 'stories');
const utf8 = new TextEncoder();

for (const file of readdirSync(folder).sort()) {
  test(`story: ${file.replace('.txt', '').replaceAll('-', ' ')}`, () => {
    const path = join(folder, file);
    const told = readFileSync(path, 'utf8');
    const played = new Story().tell(told);
    if (process.env.MILLRACE_UPDATE === '1') writeFileSync(path, played);
    else assert.equal(played, told, `${file} goes another way; MILLRACE_UPDATE=1 writes it down`);
  });
}

/** What a client knows of itself. */
interface Client { memberId: string; generation: number; leader: boolean }

class Story {
  #config = { initialRebalanceDelayMs: 0, sessionTimeoutMinMs: 10, sessionTimeoutMaxMs: 1_800_000, membersMax: 1000, consumer: testConsumerConfig(), topics: new TestTopics() };
  #now: Now = { monotonicMs: 0, wallMs: 1_000_000 };
  #group: Group = emptyGroup('g', this.#config, this.#now.wallMs);
  #image = new Image();
  #clients = new Map<string, Client>();
  #writes: Purpose[] = [];
  #holding = false;
  #refusing = false;
  #names = 0;
  #wakeAtMs = Infinity;
  #lines: string[] = [];

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
    const options = Object.fromEntries(words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]));
    const plain = words.filter((word) => !word.includes('='));
    switch (verb) {
      case 'join': return this.#join(plain[0]!, plain.slice(1), options);
      case 'sync': return this.#sync(plain[0]!, options);
      case 'beat': return this.#send({ kind: 'heartbeat', to: this.#code(`${plain[0]} heartbeat`), instanceId: null, ...this.#as(plain[0]!) });
      case 'leave': return this.#send({ kind: 'leave', to: { answer: (body) => this.#left(body) }, members: plain.map((name) => ({ memberId: this.#client(name).memberId, instanceId: null })) });
      case 'remove-static': return this.#send({ kind: 'leave', to: { answer: (body) => this.#left(body) }, members: plain.map((instanceId) => ({ memberId: '', instanceId })) });
      case 'commit': return this.#commit(plain[0]!, options);
      case 'delete-offsets': return this.#send({ kind: 'delete-offsets', to: this.#code('delete-offsets'), partitions: plain.map(partitionName) });
      case 'delete': return this.#send({ kind: 'delete', to: this.#code('delete') });
      case 'topic-gone': return this.#send({ kind: 'topic-gone', topic: plain[0]! });
      case 'expire': return this.#send({ kind: 'expire-offsets', retentionMs: Number(plain[0]) });
      case 'generation': this.#client(plain[0]!).generation = Number(plain[1]); return;
      case 'wait': return this.#wait(Number(plain[0]));
      case 'hold': this.#holding = true; return;
      case 'durable': this.#holding = false; this.#refusing = false; return this.#settle();
      case 'refuse': this.#refusing = true; this.#holding = false; return this.#settle();
      case 'crash': return this.#crash();
      case 'show': return this.#show();
      case 'config': for (const [key, value] of Object.entries(options)) (this.#config as unknown as Record<string, number>)[key] = Number(value); return;
      default: throw new Error(`no command '${verb}'`);
    }
  }

  #client(name: string): Client {
    let client = this.#clients.get(name);
    if (client === undefined) this.#clients.set(name, client = { memberId: '', generation: -1, leader: false });
    return client;
  }

  #as(name: string) {
    const { memberId, generation } = this.#client(name);
    return { memberId, generation };
  }

  #code(what: string) {
    return { answer: ({ errorCode }: { errorCode: number }) => this.#say(`${what}: ${errorCode === 0 ? 'ok' : errorName(errorCode)}`) };
  }

  #join(name: string, flags: string[], options: Record<string, string>): void {
    const client = this.#client(name);
    const topics = options.topics?.split(',') ?? ['flights'];
    const metadata = encodeVersioned(ConsumerProtocolSubscription, 0, { topics, userData: null });
    const memberId = options.as ?? client.memberId;
    this.#send({
      kind: 'join', to: { answer: (body) => this.#joined(name, body) }, memberId, freshId: memberId === '' ? `${options.static ?? name}-${++this.#names}` : '', instanceId: options.static ?? null,
      clientId: name, clientHost: '/127.0.0.1', protocolType: options.type ?? 'consumer',
      protocols: (options.protocols ?? 'range').split(',').map((protocol) => ({ name: protocol, metadata })),
      sessionTimeoutMs: Number(options.session ?? 10_000), rebalanceTimeoutMs: Number(options.rebalance ?? 60_000),
      nameFirst: flags.includes('named'), canSkipAssignment: flags.includes('skip'),
    });
  }

  #joined(name: string, body: JoinReply): void {
    const client = this.#client(name);
    const code = body.errorCode ?? 0;
    if (code === errorCodes.NONE || code === errorCodes.MEMBER_ID_REQUIRED) client.memberId = body.memberId!;
    if (code === errorCodes.UNKNOWN_MEMBER_ID) client.memberId = '';
    if (code !== errorCodes.NONE) return this.#say(`${name} join: ${errorName(code)}${code === errorCodes.MEMBER_ID_REQUIRED ? `, call yourself ${body.memberId}` : ''}`);
    client.generation = body.generationId!;
    client.leader = body.leader === body.memberId;
    const role = client.leader ? `leads ${body.members!.map(({ memberId }) => memberId).join(' ')}` : `follows ${body.leader}`;
    this.#say(`${name} join: ${body.memberId} in generation ${body.generationId}, ${body.protocolName}, ${role}${body.skipAssignment ? ', assigns nothing' : ''}`);
  }

  #sync(name: string, options: Record<string, string>): void {
    const assignments = Object.entries(options).map(([member, work]) => ({ memberId: this.#client(member).memberId, assignment: utf8.encode(work) }));
    this.#send({ kind: 'sync', to: { answer: (body) => this.#synced(name, body) }, instanceId: null, protocolType: 'consumer', protocolName: this.#group.protocolName, assignments, ...this.#as(name) });
  }

  #synced(name: string, body: SyncReply): void {
    this.#say(`${name} sync: ${body.errorCode === 0 ? `works on ${text(body.assignment!) || 'nothing'}` : errorName(body.errorCode!)}`);
  }

  #left(body: LeaveReply): void {
    if (body.errorCode !== 0) this.#say(`leave: ${errorName(body.errorCode!)}`);
    for (const member of body.members ?? []) this.#say(`leave ${member.memberId || member.groupInstanceId}: ${member.errorCode === 0 ? 'ok' : errorName(member.errorCode!)}`);
  }

  #commit(name: string, options: Record<string, string>): void {
    const { expires, ...offsets } = options;
    const entries = Object.entries(offsets).map(([at, offset]) => ({
      ...partitionName(at),
      value: { offset: Number(offset), leaderEpoch: -1, metadata: '', commitTimestampMs: this.#now.wallMs, expireTimestampMs: expires === undefined ? -1 : this.#now.wallMs + Number(expires), topicId: zeroUuid },
    }));
    const member = name === '-' ? { memberId: '', generation: -1 } : this.#as(name);
    this.#send({ kind: 'commit', to: this.#code(`${name} commit`), instanceId: null, entries, version: 8, ...member });
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
      else {
        this.#writes.push(effect.purpose);
        if (!this.#refusing) for (const record of effect.records) this.#image.apply('g', record);
      }
    }
  }

  #settle(): void {
    while (!this.#holding && this.#writes.length > 0) {
      const purpose = this.#writes.shift()!;
      this.#run(step(this.#group, { kind: 'written', purpose, errorCode: this.#refusing ? errorCodes.COORDINATOR_NOT_AVAILABLE : errorCodes.NONE }, this.#now));
    }
  }

  /** Time passes; ticks come when the group asked for them. */
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
    const stored = this.#image.groups.get('g') ?? emptyImage();
    const { group, effects } = restoreGroup('g', stored, this.#config, this.#now);
    this.#group = group;
    this.#run(effects);
  }

  #show(): void {
    const group = this.#group;
    this.#say(`${stateName(group)}, generation ${group.generation}${group.protocolName === null ? '' : `, ${group.protocolName}`}`);
    for (const member of group.members.values()) {
      this.#say(`member ${member.id}${member.id === group.leaderId ? ' leads,' : ''} works on ${text(member.assignment) || 'nothing'}`);
    }
    for (const id of group.promised.keys()) this.#say(`promised ${id}`);
    for (const [topic, partitions] of group.offsets) for (const [partition, value] of partitions) this.#say(`offset ${topic}-${partition} is ${value.offset}`);
    this.#say(this.#wakeAtMs === Infinity ? 'sleeps' : `wakes in ${this.#wakeAtMs - this.#now.monotonicMs} ms`);
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function partitionName(word: string): { topic: string; partition: number } {
  const dash = word.lastIndexOf('-');
  return { topic: word.slice(0, dash), partition: Number(word.slice(dash + 1)) };
}
