// Speaking as an older release: the table, what is left of a node's routes, and what a client of that time is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../../base/mod.ts';
import { apiByKey, ApiVersions, decodeResponse, errorCodes, Fetch, inVersions, Metadata, Produce } from '../../wire/mod.ts';
import { brokerUnderTest } from '../fixture.ts';
import { route, type Route } from '../handlers.ts';
import { lacking, narrowed, releaseOf, releases } from './releases.ts';

const software = { clientSoftwareName: 'trap-test', clientSoftwareVersion: '1.0' };

test('the table: every release from 2.1 to 4.3, ranges only grow until 4.0 cuts what is old', () => {
  assert.deepEqual([...releases.keys()], ['2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '2.8', '3.0', '3.1', '3.2', '3.3', '3.4', '3.5', '3.6', '3.7', '3.8', '3.9', '4.0', '4.1', '4.2', '4.3']);
  let before = releases.get('2.1')!;
  for (const release of releases.values()) {
    for (const [key, { min, max }] of release.apis) {
      assert.ok(min <= max && min >= 0, `${release.name} ${key}`);
      assert.ok(max >= (before.apis.get(key)?.max ?? 0), `${release.name} ${key} never serves less than ${before.name}`);
      if (Number(release.name) < 4) assert.equal(min, 0, `${release.name} ${key}`);
    }
    before = release;
  }
  assert.deepEqual(releases.get('3.5')!.apis.get(Fetch.key), { min: 0, max: 15 });
  assert.deepEqual(releases.get('2.3')!.apis.get(Metadata.key), { min: 0, max: 8 });
  assert.deepEqual(releases.get('4.1')!.apis.get(11), { min: 0, max: 9 });
  assert.equal(releases.get('4.1')!.features.get('share.version')!.finalized, 0);
  assert.equal(releases.get('4.2')!.features.get('share.version')!.finalized, 1);
  assert.equal(releases.get('3.9')!.features.has('transaction.version'), false);
});

test('4.3 is what the layouts of this node were made from: no version of it is newer than the codec', () => {
  for (const [key, { min, max }] of releases.get('4.3')!.apis) {
    const api = apiByKey(key);
    if (api === undefined) continue;
    assert.ok(max <= api.versions.max, `${api.name} ${max}`);
    if (key !== Produce.key) assert.ok(min <= api.versions.min && api.versions.min <= Math.max(min, 1), `${api.name} from ${min}, the codec from ${api.versions.min}`);
  }
});

test('for each release: what is advertised is in its table and in the node, and together with what is said to be missing it is the whole table', async () => {
  await using plain = await brokerUnderTest();
  const served = (await (await plain.dial()).ask(ApiVersions, 4, software)).apiKeys;
  const routes = served.filter(({ apiKey }) => apiByKey(apiKey) !== undefined).map(({ apiKey, minVersion, maxVersion }): Route => route(apiByKey(apiKey)!, () => {}, { versions: { min: Math.max(minVersion, apiByKey(apiKey)!.versions.min), max: maxVersion }, advertisedMin: minVersion }));
  for (const release of releases.values()) {
    const kept = narrowed(routes, release);
    for (const { api, versions } of kept) {
      const theirs = release.apis.get(api.key)!;
      const ours = routes.find((row) => row.api.key === api.key)!.versions;
      for (let version = versions.min; version <= versions.max; version++) assert.ok(inVersions(theirs, version) && inVersions(ours, version), `${release.name} ${api.name} ${version}`);
    }
    const missing = lacking(routes, release);
    for (const [key, { min, max }] of release.apis) {
      const row = kept.find(({ api }) => api.key === key);
      const isWhole = row !== undefined && row.versions.min === min && row.versions.max === max;
      const name = apiByKey(key)?.name;
      assert.equal(isWhole, name !== undefined && !missing.some((one) => one === name || one.startsWith(`${name} `)), `${release.name} ${name ?? key}`);
    }
  }
});

test('a node that speaks as 3.5 advertises and serves its versions, says what it lacks, and tells of no feature that came later', async () => {
  await using node = await brokerUnderTest({ world: { asKafkaVersion: '3.5' } });
  const client = await node.dial();
  const { apiKeys, supportedFeatures, finalizedFeatures } = await client.ask(ApiVersions, 3, software);
  const max = (key: number) => apiKeys.find(({ apiKey }) => apiKey === key)?.maxVersion;
  assert.deepEqual([max(0), max(1), max(3), max(24), max(68), max(75)], [9, 15, 12, 3, undefined, undefined]);
  assert.deepEqual([supportedFeatures, finalizedFeatures], [[], []]);
  assert.match(node.lines.join('\n'), /speaks as Apache Kafka 3\.5; of what that release advertises it lacks: .*Fetch 0-3/);
  await assert.rejects(client.ask(Metadata, 13, { topics: null }), /connection ended/, 'a version that 3.5 has not ends the connection, as there');
});

for (const [release, told] of [['2.3', []], ['2.4', [{ apiKey: 18, minVersion: 0, maxVersion: 3 }]]] as const) {
  test(`an unknown version of ApiVersions is answered as by ${release}`, async () => {
    await using node = await brokerUnderTest({ world: { asKafkaVersion: release } });
    const client = await node.dial();
    client.send(ApiVersions, 4, software);
    const { body } = decodeResponse(ApiVersions, 0, (await client.frame())!);
    assert.equal(body.errorCode, errorCodes.UNSUPPORTED_VERSION);
    assert.deepEqual(body.apiKeys, told);
  });
}

test('a release is named in any usual way, and an unknown one is refused with those that are known', () => {
  for (const text of ['3.5', 'v3.5', '3.5.2', ' 3.5 ']) assert.equal(releaseOf(text).name, '3.5');
  for (const text of ['0.11', '5.0', '3', 'latest', '']) assert.throws(() => releaseOf(text), (error) => isMillraceError(error, 'invalid-argument') && /known are 2\.1,/.test(error.message));
});
