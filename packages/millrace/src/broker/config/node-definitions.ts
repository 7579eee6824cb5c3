// broker/config/node-definitions.ts - the configuration keys of a node, with Kafka's names where Kafka has the thing.
// Owns: the table. Names of our own start with 'millrace.'.
import { limits, MiB } from '../../base/mod.ts';
import type { ConfigDefinition } from './definition.ts';
import { shareDefinitions } from './share-definitions.ts';

const int64MaxText = '9223372036854775807';
const minute = 60_000;
const day = 24 * 60 * minute;

const definitions: readonly ConfigDefinition[] = [
  // Who and where.
  { name: 'node.id', kind: 'int', defaultText: '1', min: 0, documentation: 'Number of this node, as clients see it.' },
  { name: 'broker.id', kind: 'int', defaultText: '1', min: 0, documentation: 'Older name of node.id.' },
  { name: 'broker.rack', kind: 'string', defaultText: null, documentation: 'Rack of this node, told to clients.' },
  { name: 'listeners', kind: 'list', defaultText: '', documentation: 'Addresses that this node listens on.' },
  { name: 'advertised.listeners', kind: 'list', defaultText: '', documentation: 'Addresses told to clients, one per listener.' },
  { name: 'log.dirs', kind: 'list', defaultText: '', documentation: 'Data folder of this node.' },

  // Topics.
  { name: 'auto.create.topics.enable', kind: 'boolean', defaultText: 'true', documentation: 'Create a topic when a client that allows it asks for one that is missing.' },
  { name: 'delete.topic.enable', kind: 'boolean', defaultText: 'true', documentation: 'Whether topics may be deleted.' },
  { name: 'num.partitions', kind: 'int', defaultText: '1', min: 1, dynamic: true, documentation: 'Partitions of a topic created without naming a number.' },
  { name: 'default.replication.factor', kind: 'int', defaultText: '1', min: 1, max: 1, documentation: 'Replicas of a partition; one on one node.' },
  { name: 'log.cleanup.policy', kind: 'list', defaultText: 'delete', allowed: ['compact', 'delete'], dynamic: true, documentation: 'Default of cleanup.policy.' },
  { name: 'compression.type', kind: 'string', defaultText: 'producer', allowed: ['producer'], dynamic: true, documentation: 'Default of compression.type.' },
  { name: 'log.retention.ms', kind: 'long', defaultText: String(7 * day), min: -1, dynamic: true, documentation: 'Default of retention.ms.' },
  { name: 'log.retention.bytes', kind: 'long', defaultText: '-1', dynamic: true, documentation: 'Default of retention.bytes.' },
  { name: 'log.segment.bytes', kind: 'int', defaultText: String(limits.log.segmentBytesDefault), min: 1024 * 1024, dynamic: true, documentation: 'Default of segment.bytes.' },
  { name: 'log.roll.ms', kind: 'long', defaultText: String(7 * day), min: 1, dynamic: true, documentation: 'Default of segment.ms.' },
  { name: 'message.max.bytes', kind: 'int', defaultText: '1048588', min: 0, max: limits.log.batchBytesMax, dynamic: true, documentation: 'Default of max.message.bytes.' },
  { name: 'log.message.timestamp.type', kind: 'string', defaultText: 'CreateTime', allowed: ['CreateTime', 'LogAppendTime'], dynamic: true, documentation: 'Default of message.timestamp.type.' },
  { name: 'log.message.timestamp.before.max.ms', kind: 'long', defaultText: int64MaxText, min: 0, dynamic: true, documentation: 'Default of message.timestamp.before.max.ms.' },
  { name: 'log.message.timestamp.after.max.ms', kind: 'long', defaultText: '3600000', min: 0, dynamic: true, documentation: 'Default of message.timestamp.after.max.ms.' },
  { name: 'min.insync.replicas', kind: 'int', defaultText: '1', min: 1, dynamic: true, documentation: 'Default of the topic key of the same name.' },
  { name: 'millrace.log.durability', kind: 'string', defaultText: 'synced', allowed: ['synced', 'page-cache'], dynamic: true, documentation: 'Default of millrace.durability.' },
  { name: 'unclean.leader.election.enable', kind: 'boolean', defaultText: 'false', dynamic: true, documentation: 'Default of the topic key of the same name.' },
  { name: 'log.flush.interval.messages', kind: 'long', defaultText: int64MaxText, min: 1, dynamic: true, documentation: 'Default of flush.messages.' },
  { name: 'log.flush.interval.ms', kind: 'long', defaultText: int64MaxText, min: 0, dynamic: true, documentation: 'Default of flush.ms.' },
  { name: 'log.roll.jitter.ms', kind: 'long', defaultText: '0', min: 0, dynamic: true, documentation: 'Default of segment.jitter.ms.' },
  { name: 'log.index.size.max.bytes', kind: 'int', defaultText: String(10 * MiB), min: 4, dynamic: true, documentation: 'Default of segment.index.bytes.' },
  { name: 'log.index.interval.bytes', kind: 'int', defaultText: String(limits.log.indexIntervalBytes), min: 0, dynamic: true, documentation: 'Default of index.interval.bytes.' },
  { name: 'log.segment.delete.delay.ms', kind: 'long', defaultText: '60000', min: 0, dynamic: true, documentation: 'Default of file.delete.delay.ms.' },
  { name: 'log.preallocate', kind: 'boolean', defaultText: 'false', dynamic: true, documentation: 'Default of preallocate.' },
  { name: 'log.local.retention.ms', kind: 'long', defaultText: '-2', min: -2, dynamic: true, documentation: 'Default of local.retention.ms.' },
  { name: 'log.local.retention.bytes', kind: 'long', defaultText: '-2', min: -2, dynamic: true, documentation: 'Default of local.retention.bytes.' },
  { name: 'compression.gzip.level', kind: 'int', defaultText: '-1', min: -1, max: 9, refused: { 0: 'Value must be between 1 and 9 or equal to -1' }, dynamic: true, documentation: 'Default of the topic key of the same name.' },
  { name: 'compression.lz4.level', kind: 'int', defaultText: '9', min: 1, max: 17, dynamic: true, documentation: 'Default of the topic key of the same name.' },
  { name: 'compression.zstd.level', kind: 'int', defaultText: '3', min: -131072, max: 22, dynamic: true, documentation: 'Default of the topic key of the same name.' },

  // Compaction.
  { name: 'log.cleaner.enable', kind: 'boolean', defaultText: 'true', documentation: 'Whether topics with the policy compact are compacted at all.' },
  { name: 'log.cleaner.threads', kind: 'int', defaultText: '1', min: 0, dynamic: true, documentation: `Partitions compacted at the same time, each on a thread of its own; at most ${limits.log.compactionThreadsMax} are used.` },
  { name: 'log.cleaner.dedupe.buffer.size', kind: 'long', defaultText: String(limits.log.compactionMapBytesDefault), min: 1 * MiB, dynamic: true, documentation: 'Memory for the keys of what is compacted, 24 bytes a key, of all threads together; taken only while compaction runs, and only as far as needed. More keys take more passes.' },
  { name: 'log.cleaner.io.buffer.size', kind: 'int', defaultText: String(limits.log.compactionBufferBytesDefault), min: 0, dynamic: true, documentation: 'Memory for what compaction reads and writes, of all threads together; a larger batch takes its own size.' },
  { name: 'log.cleaner.io.buffer.load.factor', kind: 'double', defaultText: '0.9', dynamic: true, documentation: 'How full the memory for keys may become.' },
  { name: 'log.cleaner.io.max.bytes.per.second', kind: 'double', defaultText: '1.7976931348623157E308', dynamic: true, documentation: 'Bytes per second that compaction reads and writes at most, all threads together. It also holds back by itself while commits are slow.' },
  { name: 'log.cleaner.backoff.ms', kind: 'long', defaultText: '15000', min: 0, dynamic: true, documentation: 'Pause between two looks for something to compact.' },
  { name: 'log.cleaner.min.cleanable.ratio', kind: 'double', defaultText: '0.5', min: 0, max: 1, dynamic: true, documentation: 'Default of min.cleanable.dirty.ratio.' },
  { name: 'log.cleaner.min.compaction.lag.ms', kind: 'long', defaultText: '0', min: 0, dynamic: true, documentation: 'Default of min.compaction.lag.ms.' },
  { name: 'log.cleaner.max.compaction.lag.ms', kind: 'long', defaultText: int64MaxText, min: 1, dynamic: true, documentation: 'Default of max.compaction.lag.ms.' },
  { name: 'log.cleaner.delete.retention.ms', kind: 'long', defaultText: String(day), min: 0, dynamic: true, documentation: 'Default of delete.retention.ms.' },

  // Producers.
  { name: 'producer.id.expiration.ms', kind: 'int', defaultText: String(day), min: 1, dynamic: true, documentation: 'A producer that has been silent for this long is forgotten.' },

  // Transactions.
  { name: 'transaction.max.timeout.ms', kind: 'int', defaultText: String(15 * minute), min: 1, documentation: 'Longest timeout that a producer may ask for its transactions.' },
  { name: 'transactional.id.expiration.ms', kind: 'int', defaultText: String(7 * day), min: 1, documentation: 'A transactional id that has not been used for this long is forgotten.' },

  // Connections and memory.
  { name: 'socket.request.max.bytes', kind: 'int', defaultText: String(limits.wire.frameBytesMax), min: 1, max: limits.wire.frameBytesMax, documentation: 'Largest request accepted.' },
  { name: 'queued.max.request.bytes', kind: 'long', defaultText: String(limits.broker.requestMemoryBytesDefault), min: 1 * MiB, documentation: 'Memory for requests of all connections together; past it sockets are not read.' },
  { name: 'millrace.response.memory.bytes', kind: 'long', defaultText: String(limits.broker.responseMemoryBytesDefault), min: 1 * MiB, documentation: 'Memory for responses of all connections together; past it fetches wait, and readers that take nothing are disconnected.' },
  { name: 'millrace.connection.requests.max', kind: 'int', defaultText: String(limits.broker.requestsPerConnectionMax), min: 1, documentation: 'Requests of one connection being worked on; past it its socket is not read.' },
  { name: 'max.connections', kind: 'int', defaultText: '20000', min: 1, documentation: 'Connections at the same time; further ones are closed at once.' },
  { name: 'connections.max.idle.ms', kind: 'long', defaultText: String(10 * minute), min: 1, documentation: 'A connection without a request for this long is closed.' },
  { name: 'fetch.max.bytes', kind: 'int', defaultText: '57671680', min: 1024, documentation: 'Largest fetch response, except for one batch that is larger.' },
  { name: 'max.incremental.fetch.session.cache.slots', kind: 'int', defaultText: '1000', min: 0, documentation: 'Fetch sessions kept; the least used gives way.' },

  { name: 'max.connections.per.ip', kind: 'int', defaultText: '2147483647', min: 0, documentation: 'Connections of one address at the same time; further ones are closed at once.' },
  { name: 'max.connections.per.ip.overrides', kind: 'string', defaultText: '', documentation: 'Exceptions from max.connections.per.ip: ADDRESS:NUMBER, several separated by commas.' },
  { name: 'max.connection.creation.rate', kind: 'int', defaultText: '2147483647', min: 1, documentation: 'New connections per second of all addresses together; those that come faster are taken, and read a little later.' },

  // Access rules and quotas.
  { name: 'authorizer.class.name', kind: 'string', defaultText: '', allowed: ['', 'acls', 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'], documentation: "Who decides what clients may do: nobody when empty; acls, or the name of Kafka's class, for access rules (kafka-acls)." },
  { name: 'super.users', kind: 'string', defaultText: '', documentation: "Principals that may do everything whatever the access rules say: User:NAME, several separated by ';'." },
  { name: 'allow.everyone.if.no.acl.found', kind: 'boolean', defaultText: 'false', documentation: 'Whether a resource that no access rule speaks of is open to everybody.' },
  { name: 'quota.window.num', kind: 'int', defaultText: '11', min: 1, documentation: 'Windows over which the use of a quota is averaged, the present one included.' },
  { name: 'quota.window.size.seconds', kind: 'int', defaultText: '1', min: 1, documentation: 'Length of such a window.' },
  { name: 'controller.quota.window.num', kind: 'int', defaultText: '11', min: 1, documentation: 'Windows whose worth of changes to topics (controller_mutation_rate) may be made at once.' },
  { name: 'controller.quota.window.size.seconds', kind: 'int', defaultText: '1', min: 1, documentation: 'Length of such a window.' },

  // Who clients are. Keys marked `perListener` may stand behind 'listener.name.NAME.', and some behind a mechanism, too.
  { name: 'listener.security.protocol.map', kind: 'list', defaultText: 'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT', element: /^[^:,]+:(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$/, documentation: 'What protects each listener, as name:protocol.' },
  { name: 'sasl.enabled.mechanisms', kind: 'list', defaultText: 'SCRAM-SHA-512,SCRAM-SHA-256', allowed: ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'OAUTHBEARER', 'PLAIN'], refused: { GSSAPI: 'Kerberos is not available in Millrace' }, perListener: true, documentation: 'How clients may say who they are. Kafka has GSSAPI as its default.' },
  { name: 'sasl.jaas.config', kind: 'password', defaultText: null, perListener: true, documentation: 'Users of PLAIN, as Kafka writes them: ...PlainLoginModule required user_NAME="PASSWORD"; only behind listener.name.NAME.plain.' },
  { name: 'sasl.server.max.receive.size', kind: 'int', defaultText: '524288', min: 1, documentation: 'Largest request of a client that has not said who it is.' },
  { name: 'connections.max.reauth.ms', kind: 'long', defaultText: '0', min: 0, perListener: true, documentation: 'Longest time until a client must authenticate again; 0: for ever, or until its token ends.' },
  { name: 'connection.failed.authentication.delay.ms', kind: 'int', defaultText: '100', min: 0, documentation: 'How long a failed authentication waits for its answer.' },
  { name: 'millrace.authentication.timeout.ms', kind: 'int', defaultText: '10000', min: 1, dynamic: true, documentation: 'A client that has not said who it is after this long is disconnected.' },
  { name: 'sasl.oauthbearer.jwks.endpoint.url', kind: 'string', defaultText: null, perListener: true, documentation: 'Keys of whoever signs tokens: http(s) or file URL of a JWKS.' },
  { name: 'sasl.oauthbearer.jwks.endpoint.refresh.ms', kind: 'long', defaultText: '3600000', min: 1, perListener: true, documentation: 'How long these keys are kept.' },
  { name: 'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms', kind: 'long', defaultText: '100', min: 1, perListener: true, documentation: 'How soon a key that is not there is asked for again.' },
  { name: 'sasl.oauthbearer.expected.audience', kind: 'list', defaultText: '', perListener: true, documentation: 'Audiences, one of which a token must name.' },
  { name: 'sasl.oauthbearer.expected.issuer', kind: 'string', defaultText: null, perListener: true, documentation: 'Issuer that a token must name.' },
  { name: 'sasl.oauthbearer.clock.skew.seconds', kind: 'int', defaultText: '30', min: 0, perListener: true, documentation: 'How far the clocks of issuer and node may be apart.' },
  { name: 'sasl.oauthbearer.sub.claim.name', kind: 'string', defaultText: 'sub', perListener: true, documentation: 'Claim of a token that names the user.' },
  { name: 'sasl.oauthbearer.scope.claim.name', kind: 'string', defaultText: 'scope', perListener: true, documentation: 'Claim of a token that holds scopes.' },
  { name: 'ssl.keystore.type', kind: 'string', defaultText: 'PEM', allowed: ['PEM', 'PKCS12'], refused: { JKS: 'use PEM or PKCS12 instead of JKS' }, perListener: true, documentation: 'Form of the certificate and key. Kafka has JKS as its default.' },
  { name: 'ssl.keystore.location', kind: 'string', defaultText: null, perListener: true, dynamic: true, documentation: 'File with the certificate chain and its key.' },
  { name: 'ssl.keystore.password', kind: 'password', defaultText: null, perListener: true, documentation: 'Opens a PKCS12 file.' },
  { name: 'ssl.keystore.certificate.chain', kind: 'string', defaultText: null, perListener: true, dynamic: true, documentation: 'The certificate chain itself, as PEM, or the path of its file.' },
  { name: 'ssl.keystore.key', kind: 'password', defaultText: null, perListener: true, documentation: 'The key itself, as PEM, or the path of its file.' },
  { name: 'ssl.key.password', kind: 'password', defaultText: null, perListener: true, documentation: 'Opens an encrypted key.' },
  { name: 'ssl.truststore.type', kind: 'string', defaultText: 'PEM', allowed: ['PEM'], refused: { JKS: 'use PEM instead of JKS', PKCS12: 'use PEM instead of PKCS12' }, perListener: true, documentation: 'Form of the authorities.' },
  { name: 'ssl.truststore.location', kind: 'string', defaultText: null, perListener: true, dynamic: true, documentation: 'File with the certificates of the authorities that sign the certificates of clients.' },
  { name: 'ssl.truststore.certificates', kind: 'string', defaultText: null, perListener: true, dynamic: true, documentation: 'The same, as PEM.' },
  { name: 'ssl.client.auth', kind: 'string', defaultText: 'none', allowed: ['none', 'requested', 'required'], perListener: true, documentation: 'Whether clients are asked for a certificate.' },
  { name: 'ssl.principal.mapping.rules', kind: 'string', defaultText: 'DEFAULT', perListener: true, documentation: 'From the subject of a certificate to the name of its user.' },

  // Watching.
  { name: 'millrace.metrics.listener', kind: 'string', defaultText: '', documentation: 'HOST:PORT at which metrics and health are served over HTTP; empty for nowhere. Whoever reaches it may read them.' },
  { name: 'millrace.slow.request.ms', kind: 'long', defaultText: '1000', min: -1, dynamic: true, documentation: 'A request that takes longer, without the time that its client asked it to wait, is told of in the log, with where the time went; -1 for none.' },

  // Groups.
  { name: 'group.initial.rebalance.delay.ms', kind: 'int', defaultText: '0', min: 0, documentation: 'How long an empty group waits for more members before its first generation. Kafka waits 3000.' },
  { name: 'group.min.session.timeout.ms', kind: 'int', defaultText: '6000', min: 1, documentation: 'Shortest session timeout that a member may ask for.' },
  { name: 'group.max.session.timeout.ms', kind: 'int', defaultText: '1800000', min: 1, documentation: 'Longest session timeout that a member may ask for.' },
  { name: 'group.max.size', kind: 'int', defaultText: '2147483647', min: 1, documentation: 'Members of one group at most.' },
  { name: 'group.consumer.session.timeout.ms', kind: 'int', defaultText: '10000', min: 1, documentation: 'A member of the consumer protocol that is silent for this long is taken for gone. Kafka waits 45000.' },
  { name: 'group.consumer.min.session.timeout.ms', kind: 'int', defaultText: '100', min: 1, documentation: 'Shortest session timeout of the consumer protocol that may be set for a group.' },
  { name: 'group.consumer.max.session.timeout.ms', kind: 'int', defaultText: '60000', min: 1, documentation: 'Longest session timeout of the consumer protocol that may be set for a group.' },
  { name: 'group.consumer.heartbeat.interval.ms', kind: 'int', defaultText: '250', min: 1, documentation: 'How often members of the consumer protocol are told to say that they live: a change in the group reaches them within this time. Kafka says 5000.' },
  { name: 'group.consumer.min.heartbeat.interval.ms', kind: 'int', defaultText: '10', min: 1, documentation: 'Shortest heartbeat interval of the consumer protocol that may be set for a group.' },
  { name: 'group.consumer.max.heartbeat.interval.ms', kind: 'int', defaultText: '15000', min: 1, documentation: 'Longest heartbeat interval of the consumer protocol that may be set for a group.' },
  { name: 'group.consumer.max.size', kind: 'int', defaultText: '2147483647', min: 1, documentation: 'Members of one group of the consumer protocol at most.' },
  { name: 'group.consumer.assignors', kind: 'list', defaultText: 'uniform,range', allowed: ['uniform', 'range'], documentation: 'Ways to divide partitions that members of the consumer protocol may ask for; the first is used when they ask for none.' },
  { name: 'group.consumer.migration.policy', kind: 'string', defaultText: 'bidirectional', allowed: ['bidirectional', 'upgrade', 'downgrade', 'disabled'], documentation: 'Which way a group may go between the classic and the consumer protocol while its members run.' },
  { name: 'offset.metadata.max.bytes', kind: 'int', defaultText: '4096', min: 0, documentation: 'Longest note that may be kept with a committed offset.' },
  { name: 'offsets.retention.minutes', kind: 'int', defaultText: '10080', min: 1, documentation: 'Committed offsets of an empty group are dropped after this long.' },
  { name: 'offsets.retention.check.interval.ms', kind: 'long', defaultText: '600000', min: 1, documentation: 'How often old committed offsets are looked for.' },

  // Share groups.
  ...shareDefinitions,
];

const listenerPrefix = /^listener\.name\.[^.]+\.(?:(?:plain|scram-sha-256|scram-sha-512|oauthbearer)\.)?(.+)$/;

/** The key with this name: one of the table, or one of them behind the name of a listener (and of a mechanism). */
export function nodeDefinitionOf(name: string): ConfigDefinition | undefined {
  const known = nodeDefinitions.get(name);
  if (known !== undefined) return known;
  const definition = nodeDefinitions.get(listenerPrefix.exec(name)?.[1] ?? '');
  return definition?.perListener === true ? { ...definition, name, defaultText: null } : undefined;
}

/** A node's keys by name. */
export const nodeDefinitions: ReadonlyMap<string, ConfigDefinition> = new Map(definitions.map((definition) => [definition.name, definition]));
