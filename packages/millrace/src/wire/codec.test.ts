// wire/codec.test.ts - frames: golden bytes, both header forms, defaults, tags, and refusals that name field and position.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '../base/mod.ts';
import { arbitraryValue, carried, chanceFrom } from './arbitrary.ts';
import * as wire from './mod.ts';

const hex = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString('hex');
const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll(/\s|\|/g, ''), 'hex');
const frameOf = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts).subarray(4);
const header = { correlationId: 2, clientId: null };

/** The error of a call that must fail. */
function refusal(call: () => unknown): MillraceError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof MillraceError, String(error));
    return error;
  }
  return assert.fail('it was taken');
}

// ---- golden bytes: checked against kafka-clients by test/differential ----

test('golden: a flexible request keeps its client id in the old form', () => {
  const parts = wire.encodeRequest(wire.ApiVersions, 3, { correlationId: 1, clientId: 'rdkafka' }, { clientSoftwareName: 'librdkafka', clientSoftwareVersion: '2.11.1' });
  //                    size     key  ver  corr     client id              tags name                    version        tags
  assert.equal(hex(parts), bytesOf('00000025|0012|0003|00000001|000772646b61666b61|00|0b6c696272646b61666b61|07322e31312e31|00').toString('hex'));
});

test('golden: the ApiVersions response has no tags in its header, and features in tags of its body', () => {
  const parts = wire.encodeResponse(wire.ApiVersions, 3, 1, {
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }], finalizedFeaturesEpoch: 0, finalizedFeatures: [{ name: 'group.version', maxVersionLevel: 1, minVersionLevel: 1 }],
  });
  //                    size     corr     err  n  key  min  max  tags throttle tags: 1 = epoch, 2 = features
  assert.equal(hex(parts), bytesOf(`00000033|00000001|0000|02|0012|0000|0004|00|00000000|02
    | 01 08 0000000000000000 | 02 14 02 0e67726f75702e76657273696f6e 0001 0001 00`).toString('hex'));
});

test('golden: Produce before and after flexible versions and topic ids', () => {
  const partitionData = [{ index: 3, records: Uint8Array.of(1, 2, 3) }];
  const old = wire.encodeRequest(wire.Produce, 7, header, { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', topicId: 'bWlsbHJhY2Utd2lyZS1iZA', partitionData }] });
  assert.equal(hex(old), bytesOf('00000028|0000|0007|00000002|ffff|ffff|ffff|000003e8|00000001|000174|00000001|00000003|00000003|010203').toString('hex'));
  const flexible = wire.encodeRequest(wire.Produce, 13, header, { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', topicId: 'bWlsbHJhY2Utd2lyZS1iZA', partitionData }] });
  assert.equal(hex(flexible), bytesOf('0000002f|0000|000d|00000002|ffff|00|00|ffff|000003e8|02|6d696c6c726163652d776972652d6264|02|00000003|04010203|00|00|00').toString('hex'));
});

test('golden: a struct that may be null', () => {
  const without = wire.encodeResponse(wire.ConsumerGroupHeartbeat, 0, 5, { memberEpoch: 1 });
  assert.equal(hex(without), bytesOf('00000017|00000005|00|00000000|0000|00|00|00000001|00000000|ff|00').toString('hex'));
  const { body } = wire.decodeResponse(wire.ConsumerGroupHeartbeat, 0, frameOf(without));
  assert.equal(body.assignment, null);
});

test('golden: tagged structs with their defaults are not written, others are', () => {
  const plain = wire.encodeResponse(wire.Fetch, 12, 5, { responses: [{ topic: 't', partitions: [{ divergingEpoch: { epoch: -1 }, currentLeader: {} }] }] });
  const partition = '00000000|0000|0000000000000000|ffffffffffffffff|ffffffffffffffff|01|ffffffff|00';
  assert.equal(hex(plain), bytesOf(`0000003a|00000005|00|00000000|0000|00000000|02|0274|02|${partition}|00|00|00`).toString('hex'));
  const led = wire.encodeResponse(wire.Fetch, 12, 5, { responses: [{ topic: 't', partitions: [{ currentLeader: { leaderEpoch: 3 } }] }] });
  assert.equal(hex(led), bytesOf(`00000045|00000005|00|00000000|0000|00000000|02|0274|02|${partition}|01 01 09 ffffffff 00000003 00|00|00`).toString('hex'));
});

// ---- what decoders return ----

test('every field is there after decoding: what the version does not carry has its default', () => {
  const frame = frameOf(wire.encodeRequest(wire.Fetch, 4, header, { topics: [{ topic: 't', partitions: [{ partition: 1, fetchOffset: 5 }] }] }));
  const request = wire.decodeRequest(wire.Fetch, 4, frame, wire.decodeRequestHeader(frame).bodyAt);
  assert.deepEqual(request, {
    clusterId: null, replicaId: -1, replicaState: { replicaId: -1, replicaEpoch: -1 }, maxWaitMs: 0, minBytes: 0, maxBytes: 2147483647, isolationLevel: 0,
    sessionId: 0, sessionEpoch: -1,
    topics: [{
      topic: 't', topicId: wire.zeroUuid,
      partitions: [{
        partition: 1, currentLeaderEpoch: -1, fetchOffset: 5, lastFetchedEpoch: -1, logStartOffset: -1, partitionMaxBytes: 0,
        replicaDirectoryId: wire.zeroUuid, highWatermark: Infinity,
      }],
    }],
    forgottenTopicsData: [], rackId: '',
  });
});

test('defaults that are objects belong to one message only', () => {
  const frame = frameOf(wire.encodeRequest(wire.Fetch, 4, header, {}));
  const [first, second] = [0, 0].map(() => wire.decodeRequest(wire.Fetch, 4, frame, wire.decodeRequestHeader(frame).bodyAt));
  first!.topics.push({} as never);
  first!.replicaState.replicaId = 7;
  assert.deepEqual([second!.topics, second!.replicaState.replicaId], [[], -1]);
});

test('random values of every message and version come back as they were', () => {
  for (const api of wire.apis) {
    for (let version = api.versions.min; version <= api.versions.max; version++) {
      const chance = chanceFrom((api.key << 8) | version);
      const value = arbitraryValue(api.request, version, chance);
      const frame = frameOf(wire.encodeRequest(api, version, header, value));
      const { bodyAt } = wire.decodeRequestHeader(frame);
      assert.deepEqual(views(carried(api.request, version, wire.decodeRequest(api, version, frame, bodyAt))), views(value), `${api.name} request ${version}`);
    }
  }
});

/** Views and buffers compare by class too: bytes as hex. */
function views(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(views);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, views(field)]));
  return value;
}

test('longs: whole within 2^53-1; beyond it refused, or without bound where peers mean that', () => {
  const long = (text: string): Buffer => {
    const frame = frameOf(wire.encodeRequest(wire.ListOffsets, 1, header, { topics: [{ name: 't', partitions: [{ timestamp: 0 }] }] }));
    bytesOf(text).copy(frame, frame.length - 8);
    return frame;
  };
  const timestamp = (frame: Buffer): number => wire.decodeRequest(wire.ListOffsets, 1, frame, wire.decodeRequestHeader(frame).bodyAt).topics[0]!.partitions[0]!.timestamp;
  assert.equal(timestamp(long('fffffffffffffffe')), -2);
  assert.equal(timestamp(long('001fffffffffffff')), Number.MAX_SAFE_INTEGER);
  assert.equal(timestamp(long('ffe0000000000001')), Number.MIN_SAFE_INTEGER);
  assert.equal(timestamp(long('0020000000000000')), Infinity);
  assert.equal(timestamp(long('8000000000000000')), -Infinity);

  const strict = frameOf(wire.encodeRequest(wire.InitProducerId, 3, header, { producerId: 1 }));
  bytesOf('0020000000000000').copy(strict, strict.length - 11);
  const error = refusal(() => wire.decodeRequest(wire.InitProducerId, 3, strict, wire.decodeRequestHeader(strict).bodyAt));
  assert.match(error.message, /^Cannot decode 'InitProducerId request' version 3: producerId at byte \d+: 9007199254740992 is beyond 2\^53-1$/);
});

test('unknown tagged fields are skipped in header and structs', () => {
  const tag = '01 | 28 03 aabbcc';
  const frame = bytesOf(`0000|0009|00000007|ffff| ${tag} | 00 | ffff | 00000001 | 02 | 0274 | 02 | 00000000 | 00 | ${tag} | ${tag} | ${tag}`);
  const { bodyAt, correlationId } = wire.decodeRequestHeader(frame);
  assert.equal(correlationId, 7);
  assert.equal(wire.decodeRequest(wire.Produce, 9, frame, bodyAt).topicData[0]!.partitionData[0]!.records, null);
});

// ---- headers ----

test('a request of an unknown key or version still gives what an error answer needs', () => {
  const unknown = bytesOf('03e7|0000|0000002a|000161');
  assert.deepEqual({ ...wire.decodeRequestHeader(unknown), bodyAt: 0 }, { apiKey: 999, apiVersion: 0, correlationId: 42, clientId: 'a', bodyAt: 0 });
  const newer = bytesOf('0012|0063|0000002a|000161|00|ffffff');
  assert.equal(wire.decodeRequestHeader(newer).correlationId, 42);
  assert.equal(wire.apiByKey(999), undefined);
});

test('a broker that does not know the version of ApiVersions answers in version 0, and is understood', () => {
  const parts = wire.encodeResponse(wire.ApiVersions, 0, 9, { errorCode: wire.errorCodes.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] });
  const { body, correlationId } = wire.decodeResponse(wire.ApiVersions, 4, frameOf(parts));
  assert.equal(correlationId, 9);
  assert.deepEqual(body.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
});

// ---- records ----

test('records are not copied: encoders pass parts through, decoders return views', () => {
  const records = [new Uint8Array(10_000).fill(1), new Uint8Array(20_000).fill(2)];
  const parts = wire.encodeResponse(wire.Fetch, 12, 1, { responses: [{ topic: 't', partitions: [{ records }] }] });
  assert.ok(parts.includes(records[0]!) && parts.includes(records[1]!));
  const frame = frameOf(parts);
  const read = wire.decodeResponse(wire.Fetch, 12, frame).body.responses[0]!.partitions[0]!.records!;
  assert.equal(read.length, 30_000);
  assert.equal(read.buffer, frame.buffer);
});

test('a frame that fills many chunks holds together', () => {
  const topics = Array.from({ length: 3000 }, (_, i) => ({ name: `topic-${i}-é`, partitions: Array.from({ length: 4 }, (_, partitionIndex) => ({ partitionIndex, replicaNodes: [1, 2, 3] })) }));
  const parts = wire.encodeResponse(wire.Metadata, 12, 1, { topics });
  assert.ok(parts.length > 3);
  const { body } = wire.decodeResponse(wire.Metadata, 12, frameOf(parts));
  assert.deepEqual(body.topics.map((topic) => topic.name), topics.map((topic) => topic.name));
});

test('messages written one after the other do not overwrite each other', () => {
  const written = Array.from({ length: 5000 }, (_, i) => wire.encodeRequest(wire.Heartbeat, 4, { correlationId: i, clientId: 'c'.repeat(i % 90) }, { groupId: `group-${i}`, memberId: 'm'.repeat(i % 70) }));
  const failed = (): void => { refusal(() => wire.encodeRequest(wire.Heartbeat, 4, header, { groupId: 'ok', generationId: 0.5 })); };
  failed();
  written.forEach((parts, i) => {
    const frame = frameOf(parts);
    const { bodyAt, correlationId } = wire.decodeRequestHeader(frame);
    assert.deepEqual([correlationId, wire.decodeRequest(wire.Heartbeat, 4, frame, bodyAt).groupId], [i, `group-${i}`]);
  });
});

test('bytes behind the end of a request are passed over: librdkafka leaves three when it asks for all topics', () => {
  const frame = bytesOf('0003|000d|00000003|ffff|00|00|00|00|00|000000');
  const { apiVersion, bodyAt } = wire.decodeRequestHeader(frame);
  assert.equal(wire.decodeRequest(wire.Metadata, apiVersion, frame, bodyAt).topics, null);
});

test('a message with a long string keeps its first part when the next one is written', () => {
  const reason = 'r'.repeat(30_000);
  const parts = wire.encodeRequest(wire.JoinGroup, 9, { correlationId: 77, clientId: 'first' }, { groupId: 'g', reason });
  wire.encodeRequest(wire.JoinGroup, 9, { correlationId: 88, clientId: 'second' }, { groupId: 'overwritten' });
  const frame = frameOf(parts);
  const { bodyAt, correlationId, clientId } = wire.decodeRequestHeader(frame);
  assert.deepEqual([correlationId, clientId], [77, 'first']);
  assert.equal(wire.decodeRequest(wire.JoinGroup, 9, frame, bodyAt).reason, reason);
});

test('ids and names that differ in one place only are told apart', () => {
  const ids = Array.from({ length: 5000 }, (_, i) => wire.uuidText(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, i >> 8, i & 255]), 0));
  const frame = frameOf(wire.encodeRequest(wire.DeleteTopics, 6, header, { topics: ids.map((topicId, i) => ({ topicId, name: `topic-${i}` })) }));
  const { topics } = wire.decodeRequest(wire.DeleteTopics, 6, frame, wire.decodeRequestHeader(frame).bodyAt);
  assert.deepEqual(topics, ids.map((topicId, i) => ({ name: `topic-${i}`, topicId })));
});

// ---- refusals ----

const refusals: [string, () => unknown, RegExp][] = [
  ['a cut frame', () => decodeProduce('0000|0009|00000007|ffff|00|00|ffff|0000'),
    /^Cannot decode 'Produce request' version 9: timeoutMs at byte 14: 4 bytes wanted, 2 left$/],
  ['bytes behind the end of a response', () => wire.decodeResponse(wire.Heartbeat, 0, bytesOf('00000001|0000|55')), /1 bytes too many/],
  ['a count that the frame cannot hold', () => decodeProduce('0000|0003|00000007|ffff|ffff|0001|00000001|7fffffff'), /topicData at byte 22: an array of 2147483647 elements, 0 bytes left/],
  ['a negative count', () => decodeProduce('0000|0003|00000007|ffff|ffff|0001|00000001|fffffffe'), /an array of -2 elements/],
  ['null where there must be an array', () => decodeProduce('0000|0003|00000007|ffff|ffff|0001|00000001|ffffffff'), /null where a value must be/],
  ['records longer than the frame', () => decodeProduce('0000|0003|00000007|ffff|ffff|0001|00000001|00000001|000174|00000001|00000000|7fffffff'),
    /topicData\[0\]\.partitionData\[0\]\.records at byte \d+: 2147483647 bytes wanted, 0 left/],
  ['a varint without end', () => decodeProduce('0000|0009|00000007|ffff|00|00|ffff|00000001|ffffffffffff'), /a varint of more than 32 bits/],
  ['a varint of more than 32 bits', () => decodeProduce('0000|0009|00000007|ffff|00|00|ffff|00000001|ffffffff1f'), /topicData at byte 18: a varint of more than 32 bits/],
  ['a tagged field longer than the frame', () => decodeProduce('0000|0009|00000007|ffff|00|00|ffff|00000001|01|01|0aff7f'), /a tagged field of 16383 bytes, 0 left/],
  ['a tagged field that is not filled', () => wire.decodeResponse(wire.ApiVersions, 3, bytesOf('00000001|0000|01|00000000|01|01 09 0000000000000000 00')), /finalizedFeaturesEpoch at byte \d+: a tagged field that does not fill its 9 bytes/],
  ['a header without a client id', () => wire.decodeRequestHeader(bytesOf('0000|0009|00000007')), /'request header': at byte 8: 2 bytes wanted, 0 left/],
];
for (const [what, call, message] of refusals) {
  test(`refused: ${what}`, () => {
    const error = refusal(call);
    assert.equal(error.code, 'invalid-bytes');
    assert.equal(error.retry, false);
    assert.match(error.message, message);
    assert.equal(typeof error.data['position'], 'number');
  });
}

function decodeProduce(text: string): unknown {
  const frame = bytesOf(text);
  const { apiVersion, bodyAt } = wire.decodeRequestHeader(frame);
  return wire.decodeRequest(wire.Produce, apiVersion, frame, bodyAt);
}

test('refused: versions that are not accepted', () => {
  for (const version of [-1, 2, 14, 1.5, NaN]) assert.equal(refusal(() => wire.encodeRequest(wire.Produce, version, header, {})).code, 'unsupported-version');
  assert.equal(refusal(() => wire.decodeRequest(wire.Produce, 99, new Uint8Array(9), 0)).code, 'unsupported-version');
});

test('refused: values that do not fit, with their field', () => {
  const produce = (value: unknown): MillraceError => refusal(() => wire.encodeRequest(wire.Produce, 9, header, value as wire.RequestInit<typeof wire.Produce>));
  const cases: [unknown, RegExp][] = [
    [{ acks: 40000 }, /acks: 40000 is not an int16/],
    [{ timeoutMs: 1.5 }, /timeoutMs: 1.5 is not an int32/],
    [{ topicData: 7 }, /topicData: not an array/],
    [{ topicData: [{ name: 't' }, { name: null }] }, /topicData\[1\]\.name: null is not a string/],
    [{ topicData: [null] }, /topicData\[0\]: not an object/],
    [{ topicData: [{ partitionData: [{ records: 'text' }] }] }, /topicData\[0\]\.partitionData\[0\]\.records: neither a Uint8Array nor an array of them/],
    [{ transactionalId: 'x'.repeat(40000) }, /transactionalId: a string of 40000 bytes, at most 32767/],
  ];
  for (const [value, message] of cases) {
    const error = produce(value);
    assert.equal(error.code, 'invalid-argument');
    assert.match(error.message, message);
  }
  assert.match(refusal(() => wire.encodeRequest(wire.Fetch, 17, header, { topics: [{ topicId: 'short' }] })).message, /topics\[0\]\.topicId: 'short' is not a uuid/);
  assert.match(refusal(() => wire.encodeRequest(wire.InitProducerId, 3, header, { producerId: 2 ** 60 })).message, /producerId: 1152921504606847000 is not a whole number within 2\^53-1/);
});

test('refused: a string that is longer than the older form could carry, for what was read is written again', () => {
  const body = (length: number) => Buffer.concat([Buffer.from(bytesOf(leb(length + 1))), Buffer.alloc(length, 'x'), Buffer.from(bytesOf('00'))]);
  const read = (length: number) => wire.decodeMessage({ ...wire.DescribeGroups.request, versions: { min: 5, max: 5 } }, 5, Buffer.concat([Buffer.from(bytesOf('02')), body(length).subarray(0, -1), Buffer.from(bytesOf('00|00'))]));
  assert.equal((read(32_767) as { groups: string[] }).groups[0]!.length, 32_767);
  assert.match(refusal(() => read(32_768)).message, /a string of 32768 bytes, at most 32767/);
});

test('refused: more small elements than memory should hold', () => {
  const count = 3_000_000;
  const frame = Buffer.alloc(17 + count * 3);
  frame.set(bytesOf('0015|0002|00000001|ffff|00'));
  frame.set(bytesOf(`${leb(count + 1)}`), 11);
  const error = refusal(() => wire.decodeRequest(wire.DeleteRecords, 2, frame, 11));
  assert.match(error.message, /topics at byte \d+: more than 2097152 array elements in one message/);
});

function leb(value: number): string {
  let text = '';
  for (; value > 127; value = Math.floor(value / 128)) text += ((value & 127) | 128).toString(16).padStart(2, '0');
  return text + value.toString(16).padStart(2, '0');
}

// ---- structs in records ----

test('structs behind a version, as clients put them into subscriptions; a newer version is read as the newest known', () => {
  const bytes = wire.encodeVersioned(wire.ConsumerProtocolSubscription, 3, { topics: ['a', 'b'], rackId: 'r' });
  assert.deepEqual(wire.decodeVersioned(wire.ConsumerProtocolSubscription, bytes).value.topics, ['a', 'b']);
  const newer = Buffer.concat([Buffer.from([0, 9]), bytes.subarray(2), Buffer.from([1, 2, 3])]);
  assert.deepEqual(wire.decodeVersioned(wire.ConsumerProtocolSubscription, newer, true), { version: 9, value: wire.decodeVersioned(wire.ConsumerProtocolSubscription, bytes).value });
  assert.equal(refusal(() => wire.decodeVersioned(wire.ConsumerProtocolSubscription, newer)).code, 'unsupported-version');
});
