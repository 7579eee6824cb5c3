// test/peers/raw.ts - a few Kafka requests written by hand, byte by byte, over one plain connection.
// Owns: what the harness must see that clients hide: that a broker is ready, and the stored batches as they are (codec, producer id).
// Never: Millrace's own wire code, which is what is being judged. Only old, non-flexible versions; enough for the purpose.

import { connect, type Socket } from 'node:net';

/** The header of one stored record batch, as fetched. */
export type StoredBatch = {
  baseOffset: number; leaderEpoch: number; magic: number;
  codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | 'unknown';
  timestampType: 'create' | 'append'; transactional: boolean; control: boolean;
  baseTimestampMs: number; maxTimestampMs: number; producerId: number; producerEpoch: number; baseSequence: number; records: number;
};

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** One connection that sends one request at a time. Close it when done. */
export class RawConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #failure: Error | undefined;
  #correlation = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => { this.#received = Buffer.concat([this.#received, chunk]); this.#wake(); });
    socket.on('error', (error) => { this.#failure = error; this.#wake(); });
    socket.on('close', () => { this.#failure ??= new Error('connection closed'); this.#wake(); });
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer within 20 s')));
  }

  /** Connects; rejects when nobody listens. */
  static async open(host: string, port: number): Promise<RawConnection> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => { socket.once('connect', () => resolve()); socket.once('error', reject); });
    return new RawConnection(socket);
  }

  /** Sends one request with a version 1 header and resolves to the response body after the correlation id. */
  async call(apiKey: number, apiVersion: number, body: Buffer): Promise<Buffer> {
    return (await this.callAll([[apiKey, apiVersion, body]]))[0]!;
  }

  /** Sends requests one behind the other without waiting; resolves to the response bodies. Rejects when they come in another order. */
  async callAll(requests: readonly (readonly [apiKey: number, apiVersion: number, body: Buffer])[]): Promise<Buffer[]> {
    const correlations = requests.map(([apiKey, apiVersion, body]) => {
      const correlation = ++this.#correlation;
      const header = concat(int16(apiKey), int16(apiVersion), int32(correlation), string('raw'));
      this.#socket.write(concat(int32(header.length + body.length), header, body));
      return correlation;
    });
    const answers: Buffer[] = [];
    for (const correlation of correlations) {
      const answer = await this.#receive();
      if (answer.readInt32BE(0) !== correlation) throw new Error(`answer to ${answer.readInt32BE(0)} instead of ${correlation}`);
      answers.push(answer.subarray(4));
    }
    return answers;
  }

  /** Sends bytes as they are and waits for whatever frame comes. */
  send(bytes: Buffer): Promise<Buffer> {
    this.#socket.write(bytes);
    return this.#receive();
  }

  async #receive(): Promise<Buffer> {
    while (this.#received.length < 4 || this.#received.length < 4 + this.#received.readInt32BE(0)) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
    const size = this.#received.readInt32BE(0);
    const answer = this.#received.subarray(4, 4 + size);
    this.#received = this.#received.subarray(4 + size);
    return answer;
  }

  /** Ends the connection. */
  close(): void { this.#socket.destroy(); }
}

/** True when the broker answers ApiVersions and names at least one broker in its metadata. */
export async function isReady(host: string, port: number): Promise<boolean> {
  let connection: RawConnection | undefined;
  try {
    connection = await RawConnection.open(host, port);
    const versions = await connection.call(18, 0, Buffer.alloc(0));
    if (versions.readInt16BE(0) !== 0) return false;
    const metadata = await connection.call(3, 1, int32(0));
    return metadata.readInt32BE(0) > 0;
  } catch {
    return false;
  } finally {
    connection?.close();
  }
}

/** The batch headers stored in a partition from an offset on, through Fetch v10 (the oldest that may carry zstd). Throws with Kafka's error number when the broker refuses. */
export async function fetchBatches(bootstrap: string, topic: string, partition: number, fromOffset = 0): Promise<StoredBatch[]> {
  let last: unknown;
  // A broker that moves its leaders, or cuts connections on purpose, is asked again.
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      return await fetchFromLeader(await leaderOf(bootstrap, topic, partition), topic, partition, fromOffset);
    } catch (error) {
      last = error;
      if (!(error instanceof Error) || (/error \d/.test(error.message) && !/error (5|6)$/.test(error.message))) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }
  throw last;
}

/** Where the leader of a partition is, through Metadata v1. Throws with Kafka's error number when there is none. */
async function leaderOf(bootstrap: string, topic: string, partition: number): Promise<{ host: string; port: number }> {
  const [host, port] = bootstrap.split(':') as [string, string];
  const connection = await RawConnection.open(host, Number(port));
  try {
    const answer = await connection.call(3, 1, concat(int32(1), string(topic)));
    let at = 0;
    const number = (bytes: 1 | 2 | 4): number => { at += bytes; return answer.readIntBE(at - bytes, bytes); };
    const skipNumbers = (): void => { const count = number(4); at += 4 * count; };
    const text = (): string => { const length = Math.max(0, number(2)); at += length; return answer.toString('utf8', at - length, at); };
    const brokers = new Map(Array.from({ length: number(4) }, () => { const id = number(4); const place = { host: text(), port: number(4) }; text(); return [id, place] as const; }));
    at += 4 + 4; // the controller, one topic
    const error = number(2);
    text();
    at += 1;
    const partitions = Array.from({ length: number(4) }, () => { const fault = number(2); const index = number(4); const leader = number(4); skipNumbers(); skipNumbers(); return { fault, index, leader }; });
    const found = brokers.get(partitions.find(({ index }) => index === partition)?.leader ?? -1);
    if (error !== 0 || found === undefined) throw new Error(`Cannot fetch from '${topic}' ${partition}: error ${error === 0 ? 5 : error}`);
    return found;
  } finally {
    connection.close();
  }
}

async function fetchFromLeader({ host, port }: { host: string; port: number }, topic: string, partition: number, fromOffset: number): Promise<StoredBatch[]> {
  const connection = await RawConnection.open(host, port);
  try {
    const batches: StoredBatch[] = [];
    let offset = fromOffset;
    for (;;) {
      const body = concat(int32(-1), int32(0), int32(1), int32(64 << 20), Buffer.from([0]), int32(0), int32(-1),
        int32(1), string(topic), int32(1), int32(partition), int32(-1), int64(offset), int64(0), int32(64 << 20), int32(0));
      const answer = await connection.call(1, 10, body);
      const { error, highWatermark, records } = readFetch(answer);
      if (error !== 0) throw new Error(`Cannot fetch from '${topic}' ${partition} at ${offset}: error ${error}`);
      const before = batches.length;
      let next = offset;
      for (let at = 0; at + 12 <= records.length;) {
        const end = at + 12 + records.readInt32BE(at + 8);
        if (end > records.length) break;
        batches.push(readBatch(records.subarray(at, end)));
        next = Number(records.readBigInt64BE(at)) + records.readInt32BE(at + 23) + 1;
        at = end;
      }
      if (batches.length === before || next >= highWatermark) return batches;
      offset = next;
    }
  } finally {
    connection.close();
  }
}

function readFetch(answer: Buffer): { error: number; highWatermark: number; records: Buffer } {
  let at = 4; // throttle
  const topError = answer.readInt16BE(at); at += 2 + 4; // session id
  if (topError !== 0) return { error: topError, highWatermark: 0, records: Buffer.alloc(0) };
  at += 4; at += 2 + answer.readInt16BE(at); // one topic, its name
  at += 4 + 4; // one partition, its number
  const error = answer.readInt16BE(at); at += 2;
  const highWatermark = Number(answer.readBigInt64BE(at)); at += 8 + 8 + 8; // last stable, log start
  const aborted = answer.readInt32BE(at); at += 4 + Math.max(0, aborted) * 16;
  const size = answer.readInt32BE(at); at += 4;
  return { error, highWatermark, records: answer.subarray(at, at + Math.max(0, size)) };
}

function readBatch(bytes: Buffer): StoredBatch {
  const attributes = bytes.readInt16BE(21);
  return {
    baseOffset: Number(bytes.readBigInt64BE(0)), leaderEpoch: bytes.readInt32BE(12), magic: bytes.readInt8(16),
    codec: codecs[attributes & 7] ?? 'unknown', timestampType: (attributes & 8) === 0 ? 'create' : 'append',
    transactional: (attributes & 16) !== 0, control: (attributes & 32) !== 0,
    baseTimestampMs: Number(bytes.readBigInt64BE(27)), maxTimestampMs: Number(bytes.readBigInt64BE(35)),
    producerId: Number(bytes.readBigInt64BE(43)), producerEpoch: bytes.readInt16BE(51), baseSequence: bytes.readInt32BE(53), records: bytes.readInt32BE(57),
  };
}

const concat = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
function int16(value: number): Buffer { const b = Buffer.alloc(2); b.writeInt16BE(value); return b; }
function int32(value: number): Buffer { const b = Buffer.alloc(4); b.writeInt32BE(value); return b; }
function int64(value: number): Buffer { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(value)); return b; }
function string(value: string): Buffer { return concat(int16(Buffer.byteLength(value)), Buffer.from(value)); }
