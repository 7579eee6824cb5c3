// wire/codec.bench.ts - what the hot messages cost: encoding and decoding of Produce, Fetch and Metadata, walking and building batches.
// Run: node packages/millrace/src/wire/codec.bench.ts [filter]. Prints the best and the median of several samples, in ns of this thread's CPU per
// call, so that a busy machine disturbs little.
import process from 'node:process';
import * as wire from './mod.ts';

const filter = process.argv[2] ?? '';
const samples = 9;
const sampleMs = 120;

function measure(name: string, call: () => unknown, per = 1): void {
  if (!name.includes(filter)) return;
  const costs: number[] = [];
  let calls = 1;
  for (let i = 0; i < samples + 2; i++) {
    const start = performance.now();
    const before = process.threadCpuUsage();
    let done = 0;
    while (performance.now() - start < sampleMs) {
      for (let j = 0; j < calls; j++) call();
      done += calls;
      if (calls < 1000) calls *= 2;
    }
    const spent = process.threadCpuUsage(before);
    if (i >= 2) costs.push(((spent.user + spent.system) * 1000) / done / per);
  }
  costs.sort((a, b) => a - b);
  console.log(`${name.padEnd(60)} ${costs[0]!.toFixed(1).padStart(10)} ${costs[samples >> 1]!.toFixed(1).padStart(10)} ns`);
}

const joined = (parts: Uint8Array[]): Uint8Array => Buffer.concat(parts).subarray(4);
const topicId = 'bWlsbHJhY2Utd2lyZS1iZA';
const header = { correlationId: 7, clientId: 'producer-1' };
const records = new Uint8Array(16_000);

const produce = (partitions: number): wire.RequestInit<typeof wire.Produce> => ({
  acks: -1, timeoutMs: 30_000,
  topicData: [{ name: 'flights', topicId, partitionData: Array.from({ length: partitions }, (_, index) => ({ index, records })) }],
});
const fetch = (partitions: number): wire.RequestInit<typeof wire.Fetch> => ({
  maxWaitMs: 500, minBytes: 1, sessionId: 9, sessionEpoch: 3,
  topics: [{ topic: 'flights', topicId, partitions: Array.from({ length: partitions }, (_, partition) => ({ partition, fetchOffset: 1e9, partitionMaxBytes: 1 << 20 })) }],
});
const fetched = (partitions: number): wire.ResponseInit<typeof wire.Fetch> => ({
  sessionId: 9,
  responses: [{ topic: 'flights', topicId, partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, highWatermark: 1e9, lastStableOffset: 1e9, logStartOffset: 0, records: [records, records] })) }],
});
const produced = (partitions: number): wire.ResponseInit<typeof wire.Produce> => ({
  responses: [{ name: 'flights', topicId, partitionResponses: Array.from({ length: partitions }, (_, index) => ({ index, baseOffset: 1e9 })) }],
});
const metadata: wire.ResponseInit<typeof wire.Metadata> = {
  brokers: [{ nodeId: 0, host: 'localhost', port: 9092 }], clusterId: 'cluster', controllerId: 0,
  topics: Array.from({ length: 100 }, (_, t) => ({ name: `topic-${t}`, topicId, partitions: Array.from({ length: 6 }, (_, partitionIndex) => ({ partitionIndex, leaderId: 0, replicaNodes: [0], isrNodes: [0] })) })),
};

function request<A extends wire.Api<any, any>>(api: A, version: number, body: wire.RequestInit<A>, of: string): void {
  const frame = joined(wire.encodeRequest(api, version, header, body));
  measure(`${api.name} request v${version} ${of}: encode`, () => wire.encodeRequest(api, version, header, body));
  measure(`${api.name} request v${version} ${of}: decode`, () => wire.decodeRequest(api, version, frame, wire.decodeRequestHeader(frame).bodyAt));
}

function response<A extends wire.Api<any, any>>(api: A, version: number, body: wire.ResponseInit<A>, of: string): void {
  const frame = joined(wire.encodeResponse(api, version, 7, body));
  measure(`${api.name} response v${version} ${of}: encode`, () => wire.encodeResponse(api, version, 7, body));
  measure(`${api.name} response v${version} ${of}: decode`, () => wire.decodeResponse(api, version, frame));
}

console.log(`${''.padEnd(60)} ${'best'.padStart(10)} ${'median'.padStart(10)}`);
for (const version of [7, 11, 13]) request(wire.Produce, version, produce(1), '1 partition');
request(wire.Produce, 11, produce(50), '50 partitions');
response(wire.Produce, 11, produced(1), '1 partition');
for (const version of [11, 17]) request(wire.Fetch, version, fetch(1), '1 partition');
request(wire.Fetch, 17, fetch(50), '50 partitions');
response(wire.Fetch, 17, fetched(1), '1 partition');
response(wire.Fetch, 17, fetched(50), '50 partitions');
response(wire.Metadata, 12, metadata, '100 topics');

const key = new TextEncoder().encode('JFK-1234');
const value = new Uint8Array(100).fill(97);
const text = 'a'.repeat(100);
const builder = new wire.BatchBuilder(160_000);
const build = (of: Uint8Array | string): Uint8Array => {
  for (let i = 0; i < 1000; i++) builder.append(1_700_000_000_000 + i, key, of);
  return builder.finish();
};
const batch = build(value);
const cursor = new wire.RecordCursor();
let sum = 0;
measure('batch of 1000 x 100 B: build from bytes, per record', () => build(value), 1000);
measure('batch of 1000 x 100 B: build from text, per record', () => build(text), 1000);
measure('batch of 1000 x 100 B: walk, per record', () => { cursor.open(batch); while (cursor.next()) sum += cursor.offset + cursor.valueLength; }, 1000);
measure('batch of 1000 x 100 B: walk with value(), per record', () => { cursor.open(batch); while (cursor.next()) sum += cursor.value()!.length; }, 1000);
measure('batch of 1000 x 100 B: verifyBatch', () => wire.verifyBatch(batch, 0, batch.length));
measure('batch of 1 x 100 B: verifyBatch', (() => { builder.append(1, key, value); const one = builder.finish(); return () => wire.verifyBatch(one, 0, one.length); })());
measure('batch: stampBaseOffset', () => wire.stampBaseOffset(batch, 0, 1e12, 3));
for (let i = 0; i < 1000; i++) builder.append(1_700_000_000_000 + i, key, JSON.stringify({ date: 1_700_000_000 + i * 37, delay: (i * 7919) % 181, distance: (i * 104729) % 2500, origin: 'JFK', destination: ['SFO', 'LAX', 'ORD', 'ATL'][i % 4] }));
const json = builder.finish().subarray(wire.batchHeaderBytes);
for (const codec of wire.codecs.slice(1)) {
  const packed = wire.compress(codec, json);
  measure(`${json.length} B of JSON records: ${codec} to ${packed.length} B`, () => wire.compress(codec, json));
  measure(`${json.length} B of JSON records: from ${codec}`, () => wire.decompress(codec, packed));
}
if (sum === 1) console.log(sum);
