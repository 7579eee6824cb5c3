// client/client.ts - one client: a cluster and what was made from it.
// Owns: defaults, and closing everything that it made, last made first. Loaded by connect() on first use.
import { nodeClock, nodeNet, nodeRandom } from '../os/mod.ts';
import { Admin } from './admin/admin.ts';
import type { ConsumerOptions } from './consumer/options.ts';
import { Consumer } from './consumer/consumer.ts';
import { parseTarget } from './net/address.ts';
import { Cluster } from './net/cluster.ts';
import type { ClientPorts } from './net/ports.ts';
import { connectionSecurity } from './net/security.ts';
import type { ProducerOptions } from './producer/options.ts';
import { Producer } from './producer/producer.ts';
import { TransactionalProducer, type TransactionalProducerOptions } from './producer/transactional-producer.ts';
import type { ShareConsumerOptions } from './share/options.ts';
import { ShareConsumer } from './share/share-consumer.ts';
import type { ClientOptions, ConnectTarget, LocalNode } from './options.ts';

/** A connection to a cluster, from which producers, consumers and an admin are made. `await using` closes all of it. */
export class Client {
  readonly #cluster: Cluster;
  readonly #options: ClientOptions;
  readonly #parts: { close(): Promise<void> }[] = [];

  constructor(cluster: Cluster, options: ClientOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Administers topics, groups and settings; needs no closing of its own. */
  admin(): Admin {
    return new Admin(this.#cluster, this.#options.callTimeoutMs ?? 30_000);
  }

  /** Makes a producer; close() closes it too. */
  producer(options: ProducerOptions = {}): Producer {
    const producer = new Producer(this.#cluster, options);
    this.#parts.push(producer);
    return producer;
  }

  /** Makes a producer of transactions; close() closes it too. */
  transactionalProducer(options: TransactionalProducerOptions): TransactionalProducer {
    const producer = new TransactionalProducer(this.#cluster, options);
    this.#parts.push(producer);
    return producer;
  }

  /** Makes a consumer; it begins when the first record is asked for. close() closes it too. */
  consumer(options: ConsumerOptions): Consumer {
    const consumer = new Consumer(this.#cluster, options);
    this.#parts.push(consumer);
    return consumer;
  }

  /** Makes a member of a share group; it begins when the first record is asked for. close() closes it too. */
  shareConsumer(options: ShareConsumerOptions): ShareConsumer {
    const consumer = new ShareConsumer(this.#cluster, options);
    this.#parts.push(consumer);
    return consumer;
  }

  /** Closes producers (after what they hold was sent), consumers (after they left their groups) and connections. */
  async close(): Promise<void> {
    await Promise.all(this.#parts.splice(0).map((part) => part.close()));
    this.#cluster.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What connect() does, after loading this file. */
export async function openClient(target: ConnectTarget, options: ClientOptions): Promise<Client> {
  return new Client(await openCluster(target, options), options);
}

/** A cluster that answers. */
export async function openCluster(target: ConnectTarget, options: ClientOptions): Promise<Cluster> {
  const local = isLocalNode(target) ? target : null;
  const ports: ClientPorts = options.machine ?? local?.machine ?? { net: nodeNet(), clock: nodeClock(), random: nodeRandom() };
  const parsed = parseTarget(local ? local.bootstrap : (target as string | readonly string[]));
  const cluster = new Cluster(ports, {
    bootstrap: parsed.addresses, security: connectionSecurity(options.tls, options.sasl, parsed),
    clientId: options.clientId ?? 'millrace',
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    metadataMaxAgeMs: options.metadataMaxAgeMs ?? 300_000,
    autoCreateTopics: options.autoCreateTopics ?? true,
  });
  try {
    await cluster.start(options.connectTimeoutMs ?? 5_000, options.waitForServer ?? true);
  } catch (error) {
    cluster.close();
    throw error;
  }
  return cluster;
}

function isLocalNode(target: ConnectTarget): target is LocalNode {
  return typeof target === 'object' && 'bootstrap' in target;
}
