// test/crash/own-load.ts - our own client as a load: numbered records per key, sent on and on, with what was acknowledged.
// Owns: sending and remembering. Never: what must be there in the end (left.ts).
import { connect } from '../../packages/millrace/src/client/mod.ts';
import type { Client, Producer } from '../../packages/millrace/src/client/mod.ts';
import type { Load, LoadRequest, LoadResult } from '../conformance/driver.ts';

const recordsAtOnce = 10;
const pauseMs = 10;

/** Starts a load; it goes on while the node comes and goes. */
export async function startOwnLoad(bootstrap: string, request: LoadRequest): Promise<Load> {
  const client = await connect(bootstrap, { clientId: 'own-load', autoCreateTopics: false });
  const producer = client.producer({ idempotent: request.idempotent, deliveryTimeoutMs: 120_000 });
  return new OwnLoad(client, producer, request);
}

class OwnLoad implements Load {
  readonly #client: Client;
  readonly #producer: Producer;
  readonly #result: LoadResult = { acked: [], failed: [] };
  readonly #sending: Promise<void>;
  readonly #waiting = new Set<Promise<void>>();
  #stopping = false;

  constructor(client: Client, producer: Producer, request: LoadRequest) {
    this.#client = client;
    this.#producer = producer;
    this.#sending = this.#sendAll(request);
  }

  async ackedCount(): Promise<number> { return this.#result.acked.length; }

  async stop(): Promise<LoadResult> {
    this.#stopping = true;
    await this.#sending;
    await Promise.all(this.#waiting);
    await this.#client.close();
    return this.#result;
  }

  async #sendAll({ topic, keys }: LoadRequest): Promise<void> {
    for (let sent = 0; !this.#stopping;) {
      for (let i = 0; i < recordsAtOnce; i++, sent++) this.#send(topic, sent % keys, Math.floor(sent / keys));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #send(topic: string, key: number, number: number): void {
    const settled: Promise<void> = this.#producer.send({ topic, key: `k${key}`, value: `${key}:${number}` }).then(
      ({ partition, offset }) => { this.#result.acked.push({ key, number, partition, offset }); },
      (error: unknown) => { this.#result.failed.push({ key, number, error: String(error) }); },
    ).finally(() => { this.#waiting.delete(settled); });
    this.#waiting.add(settled);
  }
}
