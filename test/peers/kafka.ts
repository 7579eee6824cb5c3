// test/peers/kafka.ts - Apache Kafka, one KRaft node, from its jars.
// Owns: its properties and JVM flags. Never: the life of the process (broker.ts). Apache Kafka's own defaults hold where nothing is said here.

import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, type Broker } from './broker.ts';
import { installJava } from './install.ts';
import { classPath, formattedFolder, jvmBaseFlags } from './places.ts';

/** What may be chosen; everything has a default. */
export type KafkaOptions = {
  /** JVM flags such as heap and collector. Default `-Xmx1g -Xms1g` and G1, as Kafka's own start script has it. */
  jvm?: readonly string[];
  /** Broker properties that replace or add to the ones of `brokerProperties`. */
  properties?: Readonly<Record<string, string | number>>;
  /** `log.flush.interval.messages`: 1 makes it sync before every ack. Default: never, as Kafka does. */
  flushMessages?: number;
  /** Listeners beside the plain one for clients, as `NAME://127.0.0.1:PORT`. What protects them stands in `properties`. */
  listeners?: readonly string[];
  /** A folder to use and to keep: made ready when empty. Default: a temporary one, deleted in the end. */
  dataFolder?: string;
  /** The port for clients. Default: a free one. */
  port?: number;
  /**
   * Names and passwords: there is then a second listener that asks for them (SASL PLAIN), see `saslPort`, and access rules hold. Whoever comes by the first
   * listener, and the user 'admin', may do everything.
   */
  users?: Readonly<Record<string, string>>;
};

/** JVM flags of a broker that shares two cores with its clients and is asked for little: quick to start, small. */
export const smallJvm: readonly string[] = ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

const defaultJvm = ['-Xmx1g', '-Xms1g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent'];

/**
 * Starts Apache Kafka, installing it first when needed, and waits until it serves.
 * @example await using kafka = await startKafka({ flushMessages: 1 });
 */
export async function startKafka(options: KafkaOptions = {}): Promise<Broker> {
  await installJava('4.3');
  return launch({
    kind: 'kafka', portsCount: options.users === undefined ? 2 : 3, readyMs: 90_000, dataFolder: options.dataFolder, port: options.port,
    prepare(folder) {
      if (!existsSync(join(folder, 'data'))) cpSync(formattedFolder, join(folder, 'data'), { recursive: true });
    },
    command(folder, ports) {
      writeFileSync(join(folder, 'server.properties'), propertiesText({ ...brokerProperties(folder, ports, options.listeners ?? []), ...flush(options), ...users(options, ports), ...options.properties }));
      return { path: 'java', args: [...(options.jvm ?? defaultJvm), ...jvmBaseFlags, '-cp', classPath('4.3'), 'BrokerMain', join(folder, 'server.properties')] };
    },
  });
}

/** The folder below `Broker.dataFolder` that holds the partitions' folders. */
export const kafkaLogFolder = (broker: Broker): string => join(broker.dataFolder, 'data');

/** The port of the listener that asks for names and passwords. */
export const saslPort = (broker: Broker): number => Number(/SASL_PLAINTEXT:\/\/127\.0\.0\.1:(\d+)/.exec(readFileSync(join(broker.dataFolder, 'server.properties'), 'utf8'))![1]);

function users(options: KafkaOptions, ports: readonly number[]): Record<string, string> {
  if (options.users === undefined) return {};
  const plain = `PLAINTEXT://127.0.0.1:${ports[0]}`;
  const sasl = `SASL_PLAINTEXT://127.0.0.1:${ports[2]}`;
  const passwords = Object.entries(options.users).map(([name, password]) => `user_${name}="${password}"`).join(' ');
  return {
    'listeners': `${plain},${sasl},CONTROLLER://127.0.0.1:${ports[1]}`, 'advertised.listeners': `${plain},${sasl}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT', 'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords};`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS;User:admin',
  };
}

function brokerProperties(folder: string, ports: readonly number[], further: readonly string[]): Record<string, string | number> {
  return {
    'process.roles': 'broker,controller', 'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports[1]}`, 'controller.listener.names': 'CONTROLLER',
    'listeners': [`PLAINTEXT://127.0.0.1:${ports[0]}`, `CONTROLLER://127.0.0.1:${ports[1]}`, ...further].join(','),
    'advertised.listeners': [`PLAINTEXT://127.0.0.1:${ports[0]}`, ...further].join(','),
    'log.dirs': join(folder, 'data'),
    // One node cannot hold three copies of the internal topics.
    'offsets.topic.replication.factor': 1, 'transaction.state.log.replication.factor': 1, 'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1, 'share.coordinator.state.topic.min.isr': 1,
  };
}

const flush = (options: KafkaOptions): Record<string, number> => options.flushMessages === undefined ? {} : { 'log.flush.interval.messages': options.flushMessages };

const propertiesText = (properties: Record<string, string | number>): string => Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join('');
