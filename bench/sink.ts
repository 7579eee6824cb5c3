// bench/sink.ts - a broker that stores nothing: it acknowledges every produce request at once. What a producer reaches against it is the most
// that it can reach against any broker written here, and so the most that a ratio to another broker can become.
// Usage: node bench/sink.ts --port N. Speaks what a producer and the benchmark's own client need: ApiVersions, Metadata, InitProducerId,
// Produce, CreateTopics, DeleteTopics. Every topic that somebody asks for is there, with as many partitions as it was created with.
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import {
  ApiVersions, apiByKey, CreateTopics, decodeRequest, decodeRequestHeader, DeleteTopics, encodeResponse, InitProducerId, Metadata, Produce,
} from '../packages/millrace/src/wire/mod.ts';
import type { Api, ResponseInit } from '../packages/millrace/src/wire/mod.ts';

/** Versions below those that name topics by id: a sink knows no ids. */
const spoken: readonly { api: Api<any, any>; max: number }[] = [
  { api: ApiVersions, max: 4 }, { api: Metadata, max: 9 }, { api: InitProducerId, max: 4 }, { api: Produce, max: 12 }, { api: CreateTopics, max: 6 }, { api: DeleteTopics, max: 5 },
];

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const port = Number(values.port);
const partitionsOf = new Map<string, number>();
let lastProducerId = 0;

/** The answer to a request, or null when it wants none. */
function answer(api: Api<any, any>, version: number, frame: Uint8Array, bodyAt: number): ResponseInit<Api<any, any>> | null {
  if (api === ApiVersions) return { errorCode: 0, apiKeys: spoken.map(({ api: { key, versions }, max }) => ({ apiKey: key, minVersion: versions.min, maxVersion: max })) };
  if (api === Metadata) {
    const { topics } = decodeRequest(Metadata, version, frame, bodyAt);
    return {
      brokers: [{ nodeId: 0, host: '127.0.0.1', port, rack: null }], clusterId: 'sink', controllerId: 0,
      topics: (topics ?? []).map(({ name }) => ({
        errorCode: 0, name, isInternal: false,
        partitions: Array.from({ length: partitionsOf.get(name ?? '') ?? 1 }, (_, partitionIndex) => ({
          errorCode: 0, partitionIndex, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [],
        })),
      })),
    };
  }
  if (api === InitProducerId) return { throttleTimeMs: 0, errorCode: 0, producerId: ++lastProducerId, producerEpoch: 0 };
  if (api === Produce) {
    const { acks, topicData } = decodeRequest(Produce, version, frame, bodyAt);
    if (acks === 0) return null;
    return {
      responses: topicData.map(({ name, partitionData }) => ({ name, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 0, recordErrors: [] })) })),
      throttleTimeMs: 0,
    };
  }
  if (api === CreateTopics) {
    const { topics } = decodeRequest(CreateTopics, version, frame, bodyAt);
    for (const { name, numPartitions } of topics) partitionsOf.set(name, Math.max(1, numPartitions));
    return { throttleTimeMs: 0, topics: topics.map(({ name, numPartitions }) => ({ name, errorCode: 0, errorMessage: null, numPartitions, replicationFactor: 1, configs: [] })) };
  }
  const { topicNames } = decodeRequest(DeleteTopics, version, frame, bodyAt);
  return { throttleTimeMs: 0, responses: topicNames.map((name) => ({ name, errorCode: 0, errorMessage: null })) };
}

/** Cuts the stream into frames, each copied once into a buffer that is used again, and answers them in order. */
function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  const size = Buffer.alloc(4);
  let frame = Buffer.alloc(1 << 20);
  /** Bytes of size and frame that have arrived. */
  let have = 0;
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      if (have < 4) {
        const taken = chunk.copy(size, have, at, at + 4 - have);
        have += taken;
        at += taken;
        if (have === 4 && size.readInt32BE(0) > frame.length) frame = Buffer.alloc(size.readInt32BE(0));
        continue;
      }
      const bytes = size.readInt32BE(0);
      const taken = chunk.copy(frame, have - 4, at, at + bytes - (have - 4));
      have += taken;
      at += taken;
      if (have < 4 + bytes) continue;
      have = 0;
      const request = frame.subarray(0, bytes);
      const { apiKey, apiVersion, correlationId, bodyAt } = decodeRequestHeader(request);
      const api = apiByKey(apiKey);
      const known = spoken.find((each) => each.api === api);
      if (known === undefined || apiVersion > known.max) {
        if (api !== ApiVersions) { socket.destroy(); return; }
        socket.write(Buffer.concat(encodeResponse(ApiVersions, 0, correlationId, { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })));
        continue;
      }
      const body = answer(known.api, apiVersion, request, bodyAt);
      if (body !== null) socket.write(Buffer.concat(encodeResponse(known.api, apiVersion, correlationId, body)));
    }
  });
}

createServer(serve).listen(port, '127.0.0.1');
