// The mistakes that re-implementations of the protocol make, each as a test with the name of the trap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AddPartitionsToTxn, apiByKey, ApiVersions, apis, BatchBuilder, CreateTopics, decodeResponse, DeleteRecords, DescribeConfigs, encodeRequest, errorCodes, errorName, Fetch, FindCoordinator, IncrementalAlterConfigs,
  InitProducerId, JoinGroup, ListOffsets, Metadata, Produce, readBatchHeader, zeroUuid, type Api,
} from '../wire/mod.ts';
import { batchOf, brokerUnderTest, TestClient, type BrokerUnderTest } from './fixture.ts';

const software = { clientSoftwareName: 'trap-test', clientSoftwareVersion: '1.0' };

async function withTopic(node: BrokerUnderTest, name: string, configs: { name: string; value: string }[] = []): Promise<TestClient> {
  const client = await node.dial();
  const { topics } = await client.ask(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1, configs }] });
  assert.equal(topics[0]!.errorCode, 0, topics[0]!.errorMessage ?? '');
  return client;
}

const produce = (client: TestClient, topic: string, records: Uint8Array, options: { version?: number; acks?: number } = {}) =>
  client.ask(Produce, options.version ?? 9, { acks: options.acks ?? -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] })
    .then((answer) => answer.responses[0]!.partitionResponses[0]!);

test('ApiVersions: Produce is advertised from version 0, or older librdkafka stops compressing', async () => {
  await using node = await brokerUnderTest();
  const { apiKeys } = await (await node.dial()).ask(ApiVersions, 3, software);
  assert.deepEqual(apiKeys.find(({ apiKey }) => apiKey === Produce.key), { apiKey: 0, minVersion: 0, maxVersion: 13 });
});

test('ApiVersions: JoinGroup is advertised from version 0, for librdkafka before 2.11', async () => {
  await using node = await brokerUnderTest();
  const { apiKeys } = await (await node.dial()).ask(ApiVersions, 3, software);
  assert.equal(apiKeys.find(({ apiKey }) => apiKey === JoinGroup.key)?.minVersion, 0);
});

test('ApiVersions: FindCoordinator is there, and Produce 7 and Fetch 10, which librdkafka takes for lz4, groups and zstd', async () => {
  await using node = await brokerUnderTest();
  const { apiKeys } = await (await node.dial()).ask(ApiVersions, 3, software);
  const max = (api: Api<any, any>) => apiKeys.find(({ apiKey }) => apiKey === api.key)?.maxVersion ?? -1;
  assert.ok(max(FindCoordinator) >= 0 && max(Produce) >= 7 && max(Fetch) >= 10);
});

test('ApiVersions: an unknown version is answered in the form of version 0, with error 35 and the range that is served', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const frame = Buffer.alloc(4 + 12);
  frame.writeInt32BE(12, 0);
  frame.writeInt16BE(ApiVersions.key, 4);
  frame.writeInt16BE(99, 6);
  frame.writeInt32BE(7, 8);
  frame.writeInt16BE(-1, 12);
  client.sendBytes(frame);
  const { correlationId, body } = decodeResponse(ApiVersions, 0, (await client.frame())!);
  assert.equal(correlationId, 7);
  assert.equal(body.errorCode, errorCodes.UNSUPPORTED_VERSION);
  assert.deepEqual(body.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
  assert.equal((await client.ask(ApiVersions, 3, software)).errorCode, 0, 'the connection goes on');
});

test('ApiVersions: the response header has no tag buffer, whatever the version', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  for (const version of [0, 1, 2, 3, 4]) {
    client.send(ApiVersions, version, software);
    const frame = (await client.frame())!;
    assert.deepEqual([...frame.subarray(4, 6)], [0, 0], `version ${version}: the error code follows the correlation id`);
  }
});

test('ApiVersions: a client that gives itself no proper name is refused from version 3 on', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  for (const clientSoftwareName of ['', '-x', 'a b', 'ünicode']) {
    assert.equal((await client.ask(ApiVersions, 3, { clientSoftwareName, clientSoftwareVersion: '1' })).errorCode, errorCodes.INVALID_REQUEST, clientSoftwareName);
  }
  assert.equal((await client.ask(ApiVersions, 2, {})).errorCode, 0);
});

test('ApiVersions: nothing is advertised that is not served', async () => {
  await using node = await brokerUnderTest();
  const { apiKeys } = await (await node.dial()).ask(ApiVersions, 4, software);
  const advertised = new Set(apiKeys.map(({ apiKey }) => apiKey));
  for (const key of [38, 39, 71, 72]) assert.ok(!advertised.has(key), `api ${key} is not served`);
  const client = await node.dial();
  for (const { apiKey, maxVersion } of apiKeys) {
    const api = apiByKey(apiKey)!;
    assert.ok(maxVersion <= api.versions.max);
    client.send(api, maxVersion, smallest(api));
    const frame = await client.frame();
    assert.notEqual(frame, null, `${api.name} ${maxVersion} is answered`);
  }
});

/** The emptiest request that means something. */
function smallest(api: Api<any, any>): object {
  if (api.key === ApiVersions.key) return software;
  if (api.key === Produce.key) return { acks: -1 };
  return {};
}

test('an api that is not served ends the connection with one line in the report', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const delegation = apis.find(({ key }) => key === 38)!;
  client.sendBytes(Buffer.concat(encodeRequest(delegation, 1, { correlationId: 1, clientId: 'x' }, {})));
  assert.equal(await client.frame(), null);
  assert.deepEqual(node.lines.filter((line) => line.includes('closed')).length, 1);
});

test('Produce 0-2 are advertised but refused: the connection ends', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const frame = Buffer.alloc(24);
  frame.writeInt32BE(20, 0);
  frame.writeInt16BE(Produce.key, 4);
  frame.writeInt16BE(2, 6);
  client.sendBytes(frame);
  assert.equal(await client.frame(), null);
});

test('Metadata: topic ids are stable and not zero, or clients fall back to names', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'ids');
  const ask = async (from: TestClient) => (await from.ask(Metadata, 12, { topics: [{ name: 'ids' }] })).topics[0]!.topicId;
  const before = await ask(client);
  assert.notEqual(before, zeroUuid);
  assert.match(before, /^[\w-]{22}$/);
  await using again = await node.restart();
  const client2 = await again.dial();
  assert.equal(await ask(client2), before);
  const byId = (await client2.ask(Metadata, 12, { topics: [{ name: null, topicId: before }] })).topics[0]!;
  assert.equal(byId.name, 'ids');
});

test('Metadata: allowAutoTopicCreation is honoured, and versions before 4 always allow', async () => {
  await using node = await brokerUnderTest();
  const client = await node.dial();
  const ask = async (version: number, name: string, allowAutoTopicCreation: boolean) =>
    (await client.ask(Metadata, version, { topics: [{ name }], allowAutoTopicCreation })).topics[0]!;
  assert.equal((await ask(9, 'auto', false)).errorCode, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  assert.equal((await ask(9, 'auto', true)).errorCode, 0);
  assert.equal((await ask(9, 'auto', false)).partitions.length, 1);
  assert.equal((await ask(2, 'old', true)).errorCode, 0);
  await using strict = await brokerUnderTest({ config: { 'auto.create.topics.enable': 'false' } });
  const refused = (await (await strict.dial()).ask(Metadata, 9, { topics: [{ name: 'auto' }], allowAutoTopicCreation: true })).topics[0]!;
  assert.equal(refused.errorCode, errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
});

test('Produce with acks=0 is not answered at all', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'silent');
  client.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: [{ name: 'silent', partitionData: [{ index: 0, records: batchOf(['a']) }] }] });
  const answer = await client.ask(ListOffsets, 5, { topics: [{ name: 'silent', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] });
  assert.ok(answer.topics[0], 'the next answer is the next request\'s');
});

test('Produce: producer id -1 means not idempotent, whether epoch and sequence are -1 or 0', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'plain');
  for (const [producerEpoch, baseSequence] of [[-1, -1], [0, 0], [0, 0]] as const) {
    assert.equal((await produce(client, 'plain', batchOf(['a'], { producerId: -1, producerEpoch, baseSequence }))).errorCode, 0);
  }
  const { topics } = await client.ask(ListOffsets, 5, { topics: [{ name: 'plain', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] });
  assert.equal(topics[0]!.partitions[0]!.offset, 3, 'the repeated one is no duplicate');
});

test('Produce: the broker stamps offset and epoch outside the checksum and leaves the payload as it was', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'opaque');
  const sent = batchOf(['a', 'b'], { codec: 'gzip' });
  await produce(client, 'opaque', batchOf(['x', 'y', 'z']));
  await produce(client, 'opaque', sent.slice());
  const answer = await client.ask(Fetch, 11, { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'opaque', partitions: [{ partition: 0, fetchOffset: 3, partitionMaxBytes: 1 << 20 }] }] });
  const stored = answer.responses[0]!.partitions[0]!.records!;
  assert.equal(readBatchHeader(stored).baseOffset, 3);
  assert.equal(readBatchHeader(stored).partitionLeaderEpoch, 0);
  assert.deepEqual(stored.subarray(16), sent.subarray(16), 'from the magic byte on nothing changed');
});

test('Produce: LogAppendTime changes the time and computes the checksum anew', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'stamped', [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]);
  const answer = await produce(client, 'stamped', batchOf(['a'], { timestampMs: 5 }));
  assert.ok(answer.logAppendTimeMs > 1_600_000_000_000);
  const fetched = await client.ask(Fetch, 11, { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'stamped', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }] });
  const stored = fetched.responses[0]!.partitions[0]!.records!;
  assert.equal(readBatchHeader(stored).maxTimestampMs, answer.logAppendTimeMs);
  assert.ok(readBatchHeader(stored).isLogAppendTime);
  const again = await produce(client, 'stamped', stored.slice());
  assert.equal(again.errorCode, errorCodes.INVALID_TIMESTAMP, 'its checksum holds, but a client may not claim the time of the append');
});

test('Fetch: an offset in the middle of a batch returns the whole batch', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'middle');
  await produce(client, 'middle', batchOf(['a', 'b', 'c', 'd']));
  for (const version of [4, 11, 12]) {
    const answer = await client.ask(Fetch, version, { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'middle', partitions: [{ partition: 0, fetchOffset: 2, partitionMaxBytes: 1 }] }] });
    const stored = answer.responses[0]!.partitions[0]!.records!;
    assert.equal(readBatchHeader(stored).baseOffset, 0);
    assert.equal(readBatchHeader(stored).recordCount, 4);
  }
});

test('Fetch 13 and Produce 13 name topics by id', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'byid');
  const topicId = (await client.ask(Metadata, 12, { topics: [{ name: 'byid' }] })).topics[0]!.topicId;
  const produced = await client.ask(Produce, 13, { acks: 1, timeoutMs: 1000, topicData: [{ topicId, partitionData: [{ index: 0, records: batchOf(['a']) }] }] });
  assert.equal(produced.responses[0]!.topicId, topicId);
  assert.equal(produced.responses[0]!.partitionResponses[0]!.errorCode, 0);
  const fetched = await client.ask(Fetch, 17, { maxWaitMs: 0, minBytes: 1, sessionEpoch: -1, topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }] });
  assert.equal(fetched.responses[0]!.topicId, topicId);
  assert.ok(fetched.responses[0]!.partitions[0]!.records!.byteLength > 0);
  const stranger = '0123456789abcdefghijkA';
  const unknown = await client.ask(Fetch, 17, { maxWaitMs: 0, sessionEpoch: -1, topics: [{ topicId: stranger, partitions: [{ partition: 0 }] }] });
  assert.equal(unknown.responses[0]!.partitions[0]!.errorCode, errorCodes.UNKNOWN_TOPIC_ID);
  const refused = await client.ask(Produce, 13, { acks: 1, topicData: [{ topicId: stranger, partitionData: [{ index: 0, records: batchOf(['a']) }] }] });
  assert.equal(refused.responses[0]!.partitionResponses[0]!.errorCode, errorCodes.UNKNOWN_TOPIC_ID);
});

test('ListOffsets: every kind of time', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'times');
  const ask = async (timestamp: number, version = 11) => {
    const found = (await client.ask(ListOffsets, version, { topics: [{ name: 'times', partitions: [{ partitionIndex: 0, timestamp }] }] })).topics[0]!.partitions[0]!;
    return [found.errorCode, found.offset, found.timestamp];
  };
  assert.deepEqual(await ask(-3), [0, -1, -1], 'an empty partition has no largest time');
  const builder = new BatchBuilder();
  for (const ms of [1000, 3000, 2000]) builder.append(ms, null, 'v');
  await produce(client, 'times', builder.finish());
  await produce(client, 'times', batchOf(['later'], { timestampMs: 2500 }));
  assert.deepEqual(await ask(-1), [0, 4, -1]);
  assert.deepEqual(await ask(-2), [0, 0, -1]);
  assert.deepEqual(await ask(-3), [0, 1, 3000]);
  assert.deepEqual(await ask(-4), [0, 0, -1]);
  assert.deepEqual(await ask(-5), [0, -1, -1]);
  assert.deepEqual(await ask(0), [0, 0, 1000]);
  assert.deepEqual(await ask(1001), [0, 1, 3000], 'the exact record inside its batch');
  assert.deepEqual(await ask(3001), [0, -1, -1]);
  assert.deepEqual(await ask(-3, 6), [errorCodes.UNSUPPORTED_VERSION, -1, -1]);
});

test('max.message.bytes is enforced', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'small', [{ name: 'max.message.bytes', value: '200' }]);
  assert.equal((await produce(client, 'small', batchOf(['x'.repeat(100)]))).errorCode, 0);
  assert.equal((await produce(client, 'small', batchOf(['x'.repeat(200)]))).errorCode, errorCodes.MESSAGE_TOO_LARGE);
});

test('DescribeConfigs tells defaults, sources and synonyms', async () => {
  await using node = await brokerUnderTest({ config: { 'log.retention.ms': '1000' } });
  const client = await withTopic(node, 'conf', [{ name: 'segment.bytes', value: '2097152' }]);
  const { results } = await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 'conf', configurationKeys: null }], includeSynonyms: true, includeDocumentation: true });
  const of = (name: string) => results[0]!.configs.find((config) => config.name === name)!;
  assert.deepEqual([of('segment.bytes').value, of('segment.bytes').configSource], ['2097152', 1]);
  assert.deepEqual([of('retention.ms').value, of('retention.ms').configSource], ['1000', 4]);
  assert.deepEqual([of('max.message.bytes').value, of('max.message.bytes').configSource], ['1048588', 5]);
  assert.deepEqual(of('segment.bytes').synonyms.map(({ name, source }) => [name, source]), [['segment.bytes', 1], ['log.segment.bytes', 5]]);
  assert.ok(of('millrace.durability').documentation!.length > 10);
});

test('IncrementalAlterConfigs: append and subtract work on lists and are refused on others', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'lists');
  const alter = async (name: string, configOperation: number, value: string | null) =>
    (await client.ask(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: 'lists', configs: [{ name, configOperation, value }] }] })).responses[0]!;
  const policy = async () => (await client.ask(DescribeConfigs, 4, { resources: [{ resourceType: 2, resourceName: 'lists', configurationKeys: ['cleanup.policy'] }] })).results[0]!.configs[0]!.value;
  const policyAfter = async (configOperation: number, value: string) => {
    const { errorCode, errorMessage } = await alter('cleanup.policy', configOperation, value);
    return errorCode === 0 ? policy() : errorMessage;
  };
  assert.equal(await policyAfter(2, 'delete'), 'delete', 'what is there is not added twice');
  assert.equal(await policyAfter(2, 'compact'), 'delete,compact', 'a list begins with the default');
  assert.equal(await policyAfter(2, 'keep'), 'Invalid value keep for configuration cleanup.policy: String must be one of: compact, delete');
  assert.equal(await policyAfter(3, 'keep'), 'delete,compact');
  assert.equal(await policyAfter(3, 'delete'), 'compact');
  assert.equal(await policyAfter(3, 'compact'), '', 'nothing may be left: then nothing is ever dropped');
  assert.deepEqual(await alter('retention.ms', 2, '5'), { errorCode: errorCodes.INVALID_CONFIG, errorMessage: "Can't APPEND to key retention.ms because its type is not LIST.", resourceType: 2, resourceName: 'lists' });
  assert.equal((await alter('retention.ms', 3, '5')).errorMessage, "Can't SUBTRACT to key retention.ms because its type is not LIST.");
  assert.equal((await alter('retention.ms', 0, '5')).errorCode, 0);
  assert.equal((await alter('retention.ms', 1, null)).errorCode, 0);
  assert.equal((await alter('retention.ms', 9, '5')).errorCode, errorCodes.INVALID_REQUEST);
  assert.equal((await alter('no.such.key', 0, '5')).errorCode, errorCodes.INVALID_CONFIG);
  assert.equal((await alter('max.compaction.lag.ms', 0, '5')).errorCode, 0);
  assert.match((await alter('min.compaction.lag.ms', 0, '6')).errorMessage!, /conflict topic config setting/);
});

test('a compacted topic refuses records without a key, one by one', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'keyed', [{ name: 'cleanup.policy', value: 'compact' }]);
  for (const codec of ['none', 'zstd'] as const) {
    const batch = new BatchBuilder();
    for (const [key, value] of [['a', '1'], [null, '2'], ['b', null], [null, '4']] as const) batch.append(Date.now(), key, value);
    const { errorCode, errorMessage, recordErrors, baseOffset } = await produce(client, 'keyed', batch.finish({ codec }));
    assert.deepEqual([errorCode, baseOffset], [errorCodes.INVALID_RECORD, -1]);
    const told = 'Compacted topic cannot accept message without key in topic partition keyed-0.';
    assert.deepEqual(recordErrors, [1, 3].map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: told })));
    assert.match(errorMessage!, /^One or more records have been rejected due to 2 record errors in total/);
  }
  const good = new BatchBuilder();
  good.append(Date.now(), 'a', null);
  assert.equal((await produce(client, 'keyed', good.finish())).errorCode, 0);
});

test('records of a topic that is compacted only are not deleted by request', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'kept', [{ name: 'cleanup.policy', value: 'compact' }]);
  const { topics } = await client.ask(DeleteRecords, 2, { topics: [{ name: 'kept', partitions: [{ partitionIndex: 0, offset: -1 }] }], timeoutMs: 1000 });
  assert.equal(topics[0]!.partitions[0]!.errorCode, errorCodes.POLICY_VIOLATION);
});

test('AddPartitionsToTxn 4 and 5 are made for brokers, and answered to the clients that send them', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'txn');
  const { producerId, producerEpoch } = await client.ask(InitProducerId, 4, { transactionalId: 't', transactionTimeoutMs: 60_000 });
  const verify = async () => {
    const transactions = [{ transactionalId: 't', producerId, producerEpoch, verifyOnly: true, topics: [{ name: 'txn', partitions: [0] }] }];
    return errorName((await client.ask(AddPartitionsToTxn, 5, { transactions })).resultsByTransaction[0]!.topicResults[0]!.resultsByPartition[0]!.partitionErrorCode);
  };
  assert.equal(await verify(), 'TRANSACTION_ABORTABLE', 'nothing was added yet, and nothing is by asking');
  for (const version of [4, 5]) {
    const transactions = [{ transactionalId: 't', producerId, producerEpoch, verifyOnly: false, topics: [{ name: 'txn', partitions: [0] }] }];
    const [result] = (await client.ask(AddPartitionsToTxn, version, { transactions })).resultsByTransaction;
    assert.deepEqual(result!.topicResults, [{ name: 'txn', resultsByPartition: [{ partitionIndex: 0, partitionErrorCode: 0 }] }]);
  }
  assert.equal(await verify(), 'NONE');
});

test('features are told in ApiVersions, without them clients stay on the older protocols of transactions and groups', async () => {
  await using node = await brokerUnderTest();
  for (const version of [3, 4]) {
    const { supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch } = await (await node.dial()).ask(ApiVersions, version, software);
    assert.deepEqual(finalizedFeatures, ['group.version', 'share.version', 'transaction.version'].map((name, at) => ({ name, minVersionLevel: at === 2 ? 2 : 1, maxVersionLevel: at === 2 ? 2 : 1 })));
    assert.deepEqual(supportedFeatures, ['group.version', 'share.version', 'transaction.version'].map((name, at) => ({ name, minVersion: 1, maxVersion: at === 2 ? 2 : 1 })));
    assert.ok(finalizedFeaturesEpoch >= 0);
  }
});

test('old message formats are refused with INVALID_RECORD', async () => {
  await using node = await brokerUnderTest();
  const client = await withTopic(node, 'formats');
  for (const magic of [0, 1]) {
    const old = batchOf(['a']);
    old[16] = magic;
    assert.equal((await produce(client, 'formats', old)).errorCode, errorCodes.INVALID_RECORD);
  }
  const damaged = batchOf(['a']);
  damaged[damaged.length - 1]! ^= 1;
  assert.equal((await produce(client, 'formats', damaged)).errorCode, errorCodes.CORRUPT_MESSAGE);
});
