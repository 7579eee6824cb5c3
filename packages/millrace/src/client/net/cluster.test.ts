// A cluster of one broker on virtual time: what counts against an endpoint, what clears it, and the first contact.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../node/mod.ts';
import { World } from '../../testing/mod.ts';
import { apiByKey, ApiVersions, decodeRequestHeader, encodeResponse, Heartbeat, Metadata } from '../../wire/mod.ts';
import { connect } from '../mod.ts';
import { Cluster } from './cluster.ts';
import { FrameReader } from './frames.ts';

const address = { host: 'server', port: 9092 };
const apiKeys = [Metadata, ApiVersions, Heartbeat].map((api) => ({ apiKey: api.key, minVersion: api.versions.min, maxVersion: Math.min(api.versions.max, 9) }));
const metadata = { brokers: [{ nodeId: 1, ...address, rack: null }], clusterId: 'c', controllerId: 1, topics: [] };

/** A broker that takes every connection and answers what `speaks` says: all, or nothing beyond the handshake. */
async function scene() {
  const world = new World(9);
  const { time } = world;
  const server = world.start('node', address.host);
  const broker = { speaks: true, connections: 0 };
  await time.settle(server.machine.net.listen(address, (connection) => {
    broker.connections++;
    const frames = new FrameReader((frame) => {
      const { apiKey, apiVersion, correlationId } = decodeRequestHeader(frame);
      const bodies = new Map<number, object>([[ApiVersions.key, { errorCode: 0, apiKeys }], [Metadata.key, metadata], [Heartbeat.key, { errorCode: 0 }]]);
      if (broker.speaks || apiKey === ApiVersions.key) connection.write(encodeResponse(apiByKey(apiKey)!, apiVersion, correlationId, bodies.get(apiKey)!));
    });
    connection.onData((chunk) => frames.push(chunk));
    connection.onClose(() => {});
  }));
  const app = world.start('app', 'app');
  const cluster = new Cluster(app.machine, { bootstrap: [address], clientId: 't', requestTimeoutMs: 1_000, connectTimeoutMs: 500, metadataMaxAgeMs: 3_600_000, autoCreateTopics: false });
  await time.settle(cluster.start(500, false));
  /** One heartbeat; 'answered', or the code of its error. */
  const beat = () => time.settle((async () => {
    const deadline = cluster.deadline(5_000);
    const connection = await cluster.connection(1, 'beats', deadline);
    await connection.call(Heartbeat, { groupId: 'g' }, { deadline });
    return 'answered';
  })().catch((error: { code: string }) => error.code));
  return { time, broker, cluster, beat };
}

test('a broker that takes connections and answers nothing is given a pause, and one answer clears it', async () => {
  const { time, broker, cluster, beat } = await scene();
  broker.speaks = false;
  const codes: string[] = [];
  for (let i = 0; i < 6; i++) codes.push(await beat());
  assert.deepEqual(codes, [...Array(5).fill('timeout'), 'circuit-open']);
  await time.advance(250);
  assert.equal(await beat(), 'timeout', 'the probe');
  assert.equal(await beat(), 'circuit-open', 'a connection that can be opened alone is no recovery');
  await time.advance(1_000);
  broker.speaks = true;
  assert.equal(await beat(), 'answered');
  broker.speaks = false;
  assert.deepEqual([await beat(), await beat(), await beat(), await beat()], Array(4).fill('timeout'), 'it counts anew');
  cluster.close();
});

test('a connection that was closed on purpose counts for nothing', async () => {
  const { broker, cluster, beat } = await scene();
  for (let i = 0; i < 8; i++) {
    assert.equal(await beat(), 'answered');
    cluster.closeLane('beats');
  }
  assert.equal(broker.connections, 9);
  cluster.close();
});

async function startLater(serverDelayMs: number | null, connectTimeoutMs?: number) {
  const world = new World(9);
  const { time } = world;
  const server = world.start('node', address.host);
  const app = world.start('app', 'app');
  const startMs = time.nowMs;
  const connecting = connect('server:9092', { machine: app.machine, ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }) });
  const settled = connecting.then(() => null, (error: Error & { code: string }) => error);
  if (serverDelayMs !== null) {
    await time.advance(serverDelayMs);
    await time.settle(startNode({ machine: server.machine, ...address, tailBytes: 1 << 20, journalFileBytes: 1 << 20 }));
  }
  return { error: await time.settle(settled), tookMs: time.nowMs - startMs };
}

test('connect() waits for a node that is still starting', async () => {
  const { error } = await startLater(2_000);
  assert.equal(error, null);
});

test('connect() gives up at connectTimeoutMs and says how to start a node', async () => {
  const { error, tookMs } = await startLater(null, 3_000);
  assert.equal(error?.code, 'disconnected');
  assert.match(error.message, /Cannot connect to 'server:9092': nothing answered within 3000 ms.*millrace start/);
  assert.ok(tookMs > 2_000 && tookMs <= 3_000, `${tookMs} ms`); // virtual time
  assert.ok((await startLater(null)).tookMs <= 5_000, 'a few seconds when nothing is said');
});

test('connect() fails at once when it is told not to wait', async () => {
  const world = new World(9);
  const app = world.start('app', 'app');
  const startMs = world.time.nowMs;
  await assert.rejects(world.time.settle(connect('server:9092', { machine: app.machine, waitForServer: false })), { code: 'disconnected' });
  assert.ok(world.time.nowMs - startMs < 100);
});
