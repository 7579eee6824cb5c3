// bench/brokers.ts - both brokers as their makers run them: Kafka with the heap and collector of its own start script, Millrace by its own;
// and the sink, which stores nothing.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../packages/millrace/src/client/mod.ts';
import { launch, type Broker } from '../test/peers/broker.ts';
import * as kafka from '../test/peers/kafka.ts';
import * as millrace from '../test/peers/millrace.ts';
import { rootFolder } from '../test/peers/places.ts';
import { sleep } from '../test/peers/processes.ts';
import { RawConnection } from '../test/peers/raw.ts';

/** Apache Kafka with the flags of its kafka-server-start.sh: 1 GiB of heap, G1; with properties for what is to be compared. */
export function startKafka(properties: Readonly<Record<string, string | number>> = {}): Promise<Broker> {
  return kafka.startKafka({ properties });
}

/** Millrace by its script, as users start it; with flags for Node, the program behind the script. */
export function startMillrace(nodeFlags: readonly string[] = []): Promise<Broker> {
  if (nodeFlags.length === 0) return millrace.startMillrace({ script: true });
  const cache = join(rootFolder, '.millrace/compile-cache');
  mkdirSync(cache, { recursive: true });
  return millrace.startMillrace({ env: { NODE_COMPILE_CACHE: cache }, nodeFlags });
}

/** A broker that stores nothing (sink.ts): what a client reaches against it bounds what it can reach against any other. */
export function startSink(): Promise<Broker> {
  return launch({
    kind: 'sink', portsCount: 1, readyMs: 30_000, prepare() {},
    command: (_, ports) => ({ path: process.execPath, args: [join(import.meta.dirname, 'sink.ts'), '--port', String(ports[0])] }),
  });
}

/**
 * Produces one record as soon as the port is open; resolves at its ack. It looks every millisecond, so it adds at most that; a client that
 * is given the address of a node that is not there yet waits longer and longer between its tries, and that would be measured.
 */
export async function firstAck(broker: Broker, topic: string): Promise<void> {
  for (;;) {
    try {
      (await RawConnection.open(broker.host, broker.port)).close();
      await using client = await connect(broker.bootstrap, { connectTimeoutMs: 500 });
      await using producer = client.producer();
      await producer.send({ topic, value: 'first' });
      return;
    } catch { await sleep(1); }
  }
}
