// test/conformance/authorization.test.ts - the table of requests under access rules, put to Apache Kafka 4.3 and to Millrace, and their answers compared.
// Owns: the two brokers with their users, the world that the rows expect, and waiting until a rule is in force. Never: the rows (broker/authorization/request-cases.ts).
// Kafka's users come by SASL PLAIN; Millrace's each by a listener of its own.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ruleOf, requestCases, type CaseClient } from '../../packages/millrace/src/broker/authorization/request-cases.ts';
import { TestClient } from '../../packages/millrace/src/broker/fixture.ts';
import { runNode, type RunningNode } from '../../packages/millrace/src/node/run-node.ts';
import { MemoryDisk, nodeClock, nodeNet, nodeRandom } from '../../packages/millrace/src/os/mod.ts';
import { ApiVersions, CreateAcls, CreateTopics, DeleteAcls, DescribeAcls, FindCoordinator, OffsetCommit, SaslAuthenticate, SaslHandshake } from '../../packages/millrace/src/wire/mod.ts';
import { saslPort, smallJvm, startKafka } from '../peers/kafka.ts';
import { eventually } from '../peers/processes.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { isChosen, targets } from './matrix.ts';

const host = '127.0.0.1';
const users = { admin: 'admin-password', alice: 'alice-password' };

/** A broker whose users can be played. */
interface Target extends AsyncDisposable { connect(user: 'admin' | 'alice'): Promise<TestClient> }

async function dial(port: number): Promise<TestClient> {
  return new TestClient(await nodeNet().connect({ host, port, timeoutMs: 10_000 }));
}

async function kafkaTarget(): Promise<Target> {
  const broker: Broker = await startKafka({
    jvm: smallJvm, users, properties: { 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 1, 'transaction.state.log.num.partitions': 1 },
  });
  return {
    async connect(user) {
      const client = await dial(saslPort(broker));
      await client.ask(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
      await client.ask(SaslHandshake, 1, { mechanism: 'PLAIN' });
      const answer = await client.ask(SaslAuthenticate, 2, { authBytes: new TextEncoder().encode(`\0${user}\0${users[user]}`) });
      assert.equal(answer.errorCode, 0, answer.errorMessage ?? '');
      return client;
    },
    [Symbol.asyncDispose]: () => broker.dispose(),
  };
}

async function millraceTarget(): Promise<Target> {
  const machine = { disk: new MemoryDisk(), clock: nodeClock(), net: nodeNet(), random: nodeRandom() };
  const node: RunningNode = await runNode(machine, { config: { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS;User:admin' } });
  const ports = new Map<string, number>();
  for (const user of ['admin', 'alice']) ports.set(user, (await node.broker.listen({ host, port: 0, principal: `User:${user}` })).port);
  return { connect: (user) => dial(ports.get(user)!), [Symbol.asyncDispose]: () => node.close() };
}

/** A target with the world that the rows expect. */
class World {
  readonly target: Target;
  readonly admin: TestClient;
  readonly #ids: ReadonlyMap<string, string>;
  #names = 0;

  private constructor(target: Target, admin: TestClient, ids: ReadonlyMap<string, string>) {
    this.target = target;
    this.admin = admin;
    this.#ids = ids;
  }

  static async open(target: Target): Promise<World> {
    const admin = await target.connect('admin');
    const made = await admin.ask(CreateTopics, 7, { topics: ['orders', 'secret'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })), timeoutMs: 10_000 });
    const world = new World(target, admin, new Map(made.topics.map(({ name, topicId }) => [name!, topicId])));
    await eventually(async () => {
      await admin.ask(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['billing'] });
      await admin.ask(FindCoordinator, 4, { keyType: 1, coordinatorKeys: ['tx'] });
      const committed = await admin.ask(OffsetCommit, 8, {
        groupId: 'billing', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: ['orders', 'secret'].map((name) => ({ name, partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] })),
      });
      return committed.topics.every(({ partitions }) => partitions[0]!.errorCode === 0) ? true : undefined;
    }, () => 'no offsets can be committed', 60_000);
    await world.create(['allow somebody read topic secret', 'allow somebody read group secret']);
    return world;
  }

  /** Creates rules and waits until they are in force. */
  async create(rules: readonly string[]): Promise<void> {
    const before = await this.#count();
    const creations = rules.map(ruleOf).map(({ resourceType, name, patternType, principal, host, operation, permission }) => ({ resourceType, resourceName: name, resourcePatternType: patternType, principal, host, operation, permissionType: permission }));
    const { results } = await this.admin.ask(CreateAcls, 3, { creations });
    for (const { errorCode, errorMessage } of results) assert.equal(errorCode, 0, errorMessage ?? '');
    await this.#until(before + rules.length);
  }

  /** Removes all but the rules of somebody. */
  async clear(): Promise<void> {
    const before = await this.#count();
    const { filterResults } = await this.admin.ask(DeleteAcls, 3, { filters: ['User:alice', 'User:*'].map((principalFilter) => ({ resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter, hostFilter: null, operation: 1, permissionType: 1 })) });
    await this.#until(before - filterResults.reduce((sum, { matchingAcls }) => sum + matchingAcls.length, 0));
  }

  async ask(ask: (client: CaseClient) => Promise<unknown>): Promise<unknown> {
    const client = await this.target.connect('alice');
    try {
      return await ask({ ask: (api, version, body) => client.ask(api, version, body), idOf: (topic) => this.#ids.get(topic)!, fresh: (word) => `${word}-${this.#names++}`, isOver: async () => client.closed });
    } finally {
      client.close();
    }
  }

  async #count(): Promise<number> {
    const { resources } = await this.admin.ask(DescribeAcls, 3, { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 });
    return resources.reduce((sum, { acls }) => sum + acls.length, 0);
  }

  async #until(count: number): Promise<void> {
    await eventually(async () => (await this.#count()) === count ? true : undefined, () => `there are not ${count} rules`);
  }
}

describe('requests under access rules', { concurrency: 1 }, () => {
  const worlds = new Map<BrokerKind, World>();
  const opened: Target[] = [];
  before(async () => {
    for (const kind of targets) {
      const target = await (kind === 'kafka' ? kafkaTarget() : millraceTarget());
      opened.push(target);
      worlds.set(kind, await World.open(target));
    }
  }, { timeout: 180_000 });
  after(async () => {
    for (const world of worlds.values()) world.admin.close();
    for (const target of opened) await target[Symbol.asyncDispose]();
  });

  for (const { what, rules, ask, expect, notKafka } of requestCases.filter(({ what }) => isChosen(what))) {
    test(what, { timeout: 60_000 }, async () => {
      for (const [kind, world] of worlds) {
        if (kind === 'kafka' && notKafka !== undefined) continue;
        await world.create(rules);
        try {
          assert.deepEqual(await world.ask(ask), expect, `on ${kind}`);
        } finally {
          await world.clear();
        }
      }
    });
  }
});
