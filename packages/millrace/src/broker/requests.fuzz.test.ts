// Every request that can be encoded, with values that mean something and values that do not: the node answers or ends the connection, and lives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arbitraryValue, between, chanceFrom, oneOf, type Chance } from '../wire/arbitrary.ts';
import { apiByKey, ApiVersions, CreateAcls, CreateTopics, encodeRequest, isUuid, Metadata, Produce } from '../wire/mod.ts';
import { batchOf, brokerUnderTest } from './fixture.ts';

const roundsPerVersion = 12;
const seed = 20261121;

/** The same shape with many values replaced by ones that lead somewhere: names that exist, small numbers, whole batches. */
function meaningful(value: unknown, chance: Chance, known: { topicId: string }): unknown {
  if (Array.isArray(value)) return value.map((item) => meaningful(item, chance, known));
  if (value instanceof Uint8Array) return chance() < 0.5 ? batchOf(['fuzz'], { producerId: between(chance, -1, 3), producerEpoch: 0, baseSequence: between(chance, 0, 3), timestampMs: Date.now() }) : value;
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, meaningful(item, chance, known)]));
  if (typeof value === 'string') return isUuid(value) ? (chance() < 0.7 ? known.topicId : value) : chance() < 0.7 ? oneOf(chance, ['topic', 'group', 'member', '', '1', '__consumer_offsets', 'retention.ms', 'range']) : value;
  if (typeof value === 'number' && Number.isInteger(value)) return chance() < 0.9 ? oneOf(chance, [-2, -1, 0, 0, 1, 2, 4, 100]) : value;
  return value;
}

/** Once where everybody may do everything, once by a client that may do a part: guards then stand before the handlers, and complete what those answer. */
const settings = [
  { what: 'without an authorizer', config: {}, principal: undefined },
  { what: 'with an authorizer', config: { 'authorizer.class.name': 'acls', 'super.users': 'User:ANONYMOUS' }, principal: 'User:alice' },
] as const;

for (const { what, config, principal } of settings) test(`requests of every api and version with any values, ${what} (seed ${seed})`, async () => {
  await using node = await brokerUnderTest({ config });
  const good = await node.dial();
  const rule = { resourcePatternType: 3, principal: 'User:alice', host: '*', operation: 2, permissionType: 3 };
  await good.ask(CreateAcls, 3, { creations: [{ ...rule, resourceType: 2, resourceName: 'topic' }, { ...rule, resourceType: 3, resourceName: 'group' }, { ...rule, resourceType: 5, resourceName: 'member' }] });
  await good.ask(CreateTopics, 7, { topics: [{ name: 'topic', numPartitions: 2, replicationFactor: 1 }] });
  const known = { topicId: (await good.ask(Metadata, 12, { topics: [{ name: 'topic' }] })).topics[0]!.topicId };
  const { apiKeys } = await good.ask(ApiVersions, 3, { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1' });
  const chance = chanceFrom(seed);
  let sent = 0;
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    const api = apiByKey(apiKey)!;
    for (let version = Math.max(minVersion, api.versions.min); version <= maxVersion; version++) {
      const client = await node.dial(principal);
      for (let round = 0; round < roundsPerVersion; round++) {
        const body = meaningful(arbitraryValue(api.request, version, chance), chance, known) as object;
        client.sendBytes(new Uint8Array(Buffer.concat(encodeRequest(api, version, { correlationId: round, clientId: 'fuzz' }, body))));
        sent++;
      }
      await new Promise((resolve) => { setImmediate(() => setImmediate(resolve)); });
      client.stream.destroy();
    }
  }
  assert.ok(sent > 1000, `${sent} requests were sent`);
  const left = await good.ask(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'lives', partitionData: [{ index: 0, records: batchOf(['x']) }] }] });
  assert.ok(left.responses.length === 1, 'it still answers');
});
