// tools/wire-schema.ts - writes packages/millrace/src/wire/schema/ and record-schema/ from the layouts in Apache Kafka's jars.
// Owns: the choice of messages, their one-line purposes, and which longs are wide64 or bits64. Run it once per Kafka release:
//   mvn -q dependency:get -Dartifact=org.apache.kafka:kafka-clients:4.3.1 -Dtransitive=false
//   mvn -q dependency:get -Dartifact=org.apache.kafka:kafka-group-coordinator:4.3.1 -Dtransitive=false
//   node tools/wire-schema.ts ~/.m2/repository/org/apache/kafka
// Taken from the jars: names, types, versions, nullability, tags, defaults. Never: their prose.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const kafkaVersion = '4.3.1';

/** Every message pair that clients, Kafka's own tools and share groups use, with what it is for. */
const purposes: Record<string, string> = {
  Produce: 'Appends record batches to partitions.',
  Fetch: 'Reads record batches from partitions, waiting for some if there are none.',
  ListOffsets: 'Finds offsets by timestamp, and the first and last of a partition.',
  Metadata: 'Names the brokers, topics, partitions and leaders.',
  OffsetCommit: 'Stores how far a group has come.',
  OffsetFetch: 'Reads how far groups have come.',
  FindCoordinator: 'Names the broker that keeps a group, a transaction or a share group.',
  JoinGroup: 'Enters a classic group and waits for its next generation.',
  Heartbeat: 'Keeps a member of a classic group alive and tells it of a rebalance.',
  LeaveGroup: 'Takes members out of a classic group at once.',
  SyncGroup: 'Hands the leader\'s assignment to the members of a classic group.',
  DescribeGroups: 'Shows the members and assignments of classic groups.',
  ListGroups: 'Lists the groups that a broker keeps.',
  SaslHandshake: 'Chooses a SASL mechanism.',
  ApiVersions: 'Tells which messages, versions and features the broker speaks; the first request of every client.',
  CreateTopics: 'Creates topics.',
  DeleteTopics: 'Deletes topics by name or id.',
  DeleteRecords: 'Raises the first offset of partitions.',
  InitProducerId: 'Gives out a producer id and epoch, fencing earlier users of a transactional id.',
  OffsetForLeaderEpoch: 'Finds where a leader epoch ended, to detect truncation.',
  AddPartitionsToTxn: 'Adds partitions to a transaction.',
  AddOffsetsToTxn: 'Adds a group\'s offsets to a transaction.',
  EndTxn: 'Commits or aborts a transaction.',
  WriteTxnMarkers: 'Writes the ends of transactions into partitions.',
  TxnOffsetCommit: 'Stores how far a group has come, as part of a transaction.',
  DescribeAcls: 'Lists access rules that match a filter.',
  CreateAcls: 'Adds access rules.',
  DeleteAcls: 'Removes access rules that match filters.',
  DescribeConfigs: 'Reads the settings of topics, brokers and groups, with where each came from.',
  AlterConfigs: 'Replaces all settings of a resource; superseded by IncrementalAlterConfigs.',
  AlterReplicaLogDirs: 'Moves replicas between the data folders of a broker.',
  DescribeLogDirs: 'Reports the data folders of a broker and the size of each partition in them.',
  SaslAuthenticate: 'Carries the bytes of a SASL exchange.',
  CreatePartitions: 'Adds partitions to topics.',
  CreateDelegationToken: 'Makes a delegation token.',
  RenewDelegationToken: 'Prolongs a delegation token.',
  ExpireDelegationToken: 'Ends a delegation token.',
  DescribeDelegationToken: 'Lists delegation tokens.',
  DeleteGroups: 'Deletes empty groups with their offsets.',
  ElectLeaders: 'Asks for leader elections.',
  IncrementalAlterConfigs: 'Sets, deletes, appends to and subtracts from single settings.',
  AlterPartitionReassignments: 'Starts or cancels moves of replicas between brokers.',
  ListPartitionReassignments: 'Lists moves of replicas that are under way.',
  OffsetDelete: 'Deletes the offsets a group stored for partitions.',
  DescribeClientQuotas: 'Lists quotas that match a filter.',
  AlterClientQuotas: 'Sets and removes quotas.',
  DescribeUserScramCredentials: 'Lists which SCRAM credentials users have.',
  AlterUserScramCredentials: 'Sets and removes SCRAM credentials.',
  DescribeQuorum: 'Reports the metadata quorum and how far its replicas have come.',
  UpdateFeatures: 'Raises or lowers finalized feature levels.',
  DescribeCluster: 'Names the brokers and the controller.',
  DescribeProducers: 'Lists the producers with state in a partition.',
  UnregisterBroker: 'Removes a broker from the cluster.',
  DescribeTransactions: 'Shows the state of transactions.',
  ListTransactions: 'Lists transactions, filtered by state, producer, duration or name.',
  ConsumerGroupHeartbeat: 'Joins, keeps alive, assigns and leaves in the consumer group protocol (KIP-848).',
  ConsumerGroupDescribe: 'Shows the members and assignments of consumer groups (KIP-848).',
  GetTelemetrySubscriptions: 'Tells a client which metrics to push (KIP-714).',
  PushTelemetry: 'Receives a client\'s metrics (KIP-714).',
  ListConfigResources: 'Lists resources that have settings.',
  DescribeTopicPartitions: 'Names topics and partitions page by page.',
  ShareGroupHeartbeat: 'Joins, keeps alive, assigns and leaves in a share group (KIP-932).',
  ShareGroupDescribe: 'Shows the members and assignments of share groups (KIP-932).',
  ShareFetch: 'Acquires records for a member of a share group, and acknowledges earlier ones (KIP-932).',
  ShareAcknowledge: 'Acknowledges records acquired in a share group (KIP-932).',
  StreamsGroupHeartbeat: 'Joins, keeps alive, assigns and leaves in a streams group (KIP-1071).',
  StreamsGroupDescribe: 'Shows the members and tasks of streams groups (KIP-1071).',
  DescribeShareGroupOffsets: 'Reads where share groups stand in partitions.',
  AlterShareGroupOffsets: 'Sets where a share group starts in partitions.',
  DeleteShareGroupOffsets: 'Deletes where a share group stands in topics.',
};

/** Structs that live in records or in opaque fields: each is written after a two-byte number. */
const recordPurposes: Record<string, string> = {
  OffsetCommitKey: 'Key of a stored group offset (record type 1).',
  OffsetCommitValue: 'Value of a stored group offset.',
  GroupMetadataKey: 'Key of a classic group (record type 2).',
  GroupMetadataValue: 'A classic group with its members and assignments.',
  ConsumerGroupMetadataKey: 'Key of a consumer group (record type 3).',
  ConsumerGroupMetadataValue: 'A consumer group: its epoch, and a fingerprint of the topics it reads.',
  ConsumerGroupMemberMetadataKey: 'Key of a member of a consumer group (record type 5).',
  ConsumerGroupMemberMetadataValue: 'A member of a consumer group as it describes itself.',
  ConsumerGroupTargetAssignmentMetadataKey: 'Key of a consumer group\'s assignment (record type 6).',
  ConsumerGroupTargetAssignmentMetadataValue: 'The epoch for which a consumer group\'s partitions were divided last.',
  ConsumerGroupTargetAssignmentMemberKey: 'Key of what a member of a consumer group is to have (record type 7).',
  ConsumerGroupTargetAssignmentMemberValue: 'What a member of a consumer group is to have.',
  ConsumerGroupCurrentMemberAssignmentKey: 'Key of what a member of a consumer group has (record type 8).',
  ConsumerGroupCurrentMemberAssignmentValue: 'What a member of a consumer group has, and what it is to give up.',
  ConsumerGroupRegularExpressionKey: 'Key of a pattern that a consumer group subscribes to (record type 16).',
  ConsumerGroupRegularExpressionValue: 'The topics that a pattern stands for.',
  ConsumerProtocolSubscription: 'What a consumer sends as metadata of a JoinGroup protocol.',
  ConsumerProtocolAssignment: 'What a consumer gets as assignment of a SyncGroup.',
  ControlRecordTypeSchema: 'Key of a control record: its type (0 abort, 1 commit).',
  EndTxnMarker: 'Value of a control record that ends a transaction.',
};

/** Longs that peers fill with extreme values: chosen by callers, or "no bound". See wide64 in wire/field.ts. */
const wideFields = new Set([
  'FetchRequest.FetchOffset', 'FetchRequest.LogStartOffset', 'FetchRequest.HighWatermark',
  'ListOffsetsRequest.Timestamp', 'ListOffsetsResponse.Timestamp',
  'OffsetCommitRequest.CommittedOffset', 'OffsetCommitRequest.RetentionTimeMs', 'TxnOffsetCommitRequest.CommittedOffset',
  'OffsetFetchResponse.CommittedOffset', 'DeleteRecordsRequest.Offset', 'AlterShareGroupOffsetsRequest.StartOffset',
  'ShareFetchRequest.FirstOffset', 'ShareFetchRequest.LastOffset',
  'ShareAcknowledgeRequest.FirstOffset', 'ShareAcknowledgeRequest.LastOffset',
  'ListTransactionsRequest.DurationFilter', 'SaslAuthenticateResponse.SessionLifetimeMs',
  'CreateDelegationTokenRequest.MaxLifetimeMs', 'RenewDelegationTokenRequest.RenewPeriodMs',
  'ExpireDelegationTokenRequest.ExpiryTimePeriodMs', 'DescribeLogDirsResponse.TotalBytes', 'DescribeLogDirsResponse.UsableBytes',
  'OffsetCommitValue.offset', 'OffsetCommitValue.expireTimestamp',
]);

interface KafkaField {
  name: string; type: string; versions?: string; nullableVersions?: string; taggedVersions?: string; tag?: number;
  default?: unknown; flexibleVersions?: string; fields?: KafkaField[];
}
interface KafkaMessage {
  name: string; type: string; apiKey?: number; validVersions: string; flexibleVersions?: string; latestVersionUnstable?: boolean;
  fields?: KafkaField[]; commonStructs?: { name: string; fields: KafkaField[] }[];
}
interface Range { min: number; max: number }

const repository = process.argv[2];
if (repository === undefined) throw new Error('usage: node tools/wire-schema.ts <folder of org/apache/kafka in a Maven repository>');
const wire = join(import.meta.dirname, '../packages/millrace/src/wire');
const clients = readJar(join(repository, `kafka-clients/${kafkaVersion}/kafka-clients-${kafkaVersion}.jar`));
const coordinator = readJar(join(repository, `kafka-group-coordinator/${kafkaVersion}/kafka-group-coordinator-${kafkaVersion}.jar`));

function writeSchemas(): void {
  const pairs = Object.keys(purposes).map((name) => ({ name, key: find(`${name}Request`).apiKey!, text: pairFile(name) }));
  pairs.sort((a, b) => a.key - b.key);
  const schema = emptyFolder(join(wire, 'schema'));
  for (const { name, text } of pairs) writeFileSync(join(schema, `${kebab(name)}.ts`), text);
  writeFileSync(join(schema, 'mod.ts'), listFile(pairs.map((pair) => pair.name)));
  const records = emptyFolder(join(wire, 'record-schema'));
  for (const name of Object.keys(recordPurposes)) writeFileSync(join(records, `${kebab(name)}.ts`), recordFile(name));
  writeFileSync(join(records, 'mod.ts'), recordListFile());
  console.log(`${pairs.length} message pairs, ${Object.keys(recordPurposes).length} record structs`);
}

// ---- files -----------------------------------------------------------------------------------------------------------------

function pairFile(name: string): string {
  const request = find(`${name}Request`);
  const response = find(`${name}Response`);
  const valid = validRange(request);
  for (const fact of ['validVersions', 'flexibleVersions', 'apiKey'] as const) {
    if (request[fact] !== response[fact]) throw new Error(`${name}: request and response differ in ${fact}`);
  }
  const shared = new Map<string, string>();
  const both = [request, response].map((message) => fieldLines(message, message.fields ?? [], valid, shared, '    '));
  const flexible = request.flexibleVersions ?? 'none';
  const body = `export const ${name} = api({
  name: '${name}', key: ${request.apiKey}, versions: '${rangeText(valid)}', flexible: '${flexible}',
  request: {${both[0]}},
  response: {${both[1]}},
});
`;
  return header(`wire/schema/${kebab(name)}.ts - ${name} (key ${request.apiKey}), versions ${rangeText(valid)}.`)
    + imports(['api'], [...shared.values(), body].join(''))
    + [...shared.values()].join('')
    + `/** ${purposes[name]} */\n${body}`;
}

function recordFile(name: string): string {
  const found = find(name);
  const valid = validRange(found);
  const shared = new Map<string, string>();
  const lines = fieldLines(found, found.fields ?? [], valid, shared, '    ');
  const body = `export const ${name} = message({
  name: '${name}', versions: '${rangeText(valid)}', flexible: '${found.flexibleVersions ?? 'none'}',
  fields: {${lines}},
});
`;
  return header(`wire/record-schema/${kebab(name)}.ts - ${name}, versions ${rangeText(valid)}.`)
    + imports(['message'], [...shared.values(), body].join(''))
    + [...shared.values()].join('')
    + `/** ${recordPurposes[name]} */\n${body}`;
}

function listFile(names: string[]): string {
  return header('wire/schema/mod.ts - every message pair, by key.')
    + `import type { Api } from '../api.ts';\n`
    + names.map((name) => `import { ${name} } from './${kebab(name)}.ts';\n`).join('')
    + `\nexport {\n${wrap(names)}};\n`
    + `\n/** Every message pair, in the order of their keys. */\nexport const apis: readonly Api[] = Object.freeze([\n${wrap(names)}]);\n`;
}

function recordListFile(): string {
  return header('wire/record-schema/mod.ts - structs that live in records and in opaque fields.')
    + Object.keys(recordPurposes).map((name) => `export { ${name} } from './${kebab(name)}.ts';\n`).join('');
}

function header(first: string): string {
  return `// ${first}\n// Written by tools/wire-schema.ts from the layouts of Kafka ${kafkaVersion}: change the tool, not this file.\n`;
}

function imports(from: string[], text: string): string {
  const words = ['array', 'bits64', 'bool', 'bytes', 'float64', 'int16', 'int32', 'int64', 'int8', 'nullable', 'records', 'string', 'struct', 'uint16', 'uuid', 'wide64'];
  const used = words.filter((word) => new RegExp(`\\b${word}\\(`).test(text));
  const fields = used.length === 0 ? '' : `import { ${used.join(', ')} } from '../field.ts';\n`;
  return `import { ${from.join(', ')} } from '../api.ts';\n${fields}\n`;
}

// ---- fields ----------------------------------------------------------------------------------------------------------------

function fieldLines(message: KafkaMessage, fields: KafkaField[], scope: Range, shared: Map<string, string>, indent: string): string {
  const lines = fields.map((field) => fieldLine(message, field, scope, shared, indent)).filter((line) => line !== null);
  return lines.length === 0 ? '' : `\n${lines.join('')}${indent.slice(2)}`;
}

function fieldLine(message: KafkaMessage, field: KafkaField, scope: Range, shared: Map<string, string>, indent: string): string | null {
  const versions = intersect(parseRange(field.versions ?? field.taggedVersions!), scope);
  if (versions.min > versions.max) return null;
  const isArray = field.type.startsWith('[]');
  const type = isArray ? field.type.slice(2) : field.type;
  const options: string[] = [];
  const value = defaultText(field, type, isArray);
  if (value !== null) options.push(`default: ${value}`);
  if (field.tag !== undefined) options.push(`tag: ${field.tag}`);
  if (field.flexibleVersions === 'none') options.push('oldLength: true');
  const tail = [scopeText(versions, scope), options.length === 0 ? null : `{ ${options.join(', ')} }`];
  const isStruct = type[0] === type[0]!.toUpperCase();
  const element = isStruct ? structText(message, field, type, versions, shared, indent) : type === 'int64' ? longKind(message, field) : type;
  let text = isArray ? call('array', isStruct ? `struct(${element})` : `${element}()`, ...tail) : isStruct ? call('struct', element, ...tail) : call(element, ...tail);
  const nulls = field.nullableVersions === undefined ? null : intersect(parseRange(field.nullableVersions), versions);
  if (nulls !== null && nulls.min <= nulls.max) text = call('nullable', text, scopeText(nulls, versions));
  return `${indent}${lowerFirst(field.name)}: ${text},\n`;
}

/** The fields of a struct written in place, or the name of a constant that several fields share. */
function structText(message: KafkaMessage, field: KafkaField, type: string, scope: Range, shared: Map<string, string>, indent: string): string {
  if (field.fields !== undefined) return `{${fieldLines(message, field.fields, scope, shared, indent + '  ')}}`;
  const common = message.commonStructs?.find((struct) => struct.name === type);
  if (common === undefined) throw new Error(`${message.name}: no struct ${type}`);
  const name = `${lowerFirst(type)}${message.type === 'response' ? 'OfResponse' : message.type === 'request' ? 'OfRequest' : 'Fields'}`;
  if (!shared.has(name)) {
    const body = fieldLines(message, common.fields, validRange(message), shared, '  ');
    shared.set(name, `const ${name} = {${body}};\n\n`);
  }
  return name;
}

function longKind(message: KafkaMessage, field: KafkaField): string {
  if (field.name === 'MetadataHash') return 'bits64';
  return wideFields.has(`${message.name}.${field.name}`) ? 'wide64' : 'int64';
}

function defaultText(field: KafkaField, type: string, isArray: boolean): string | null {
  const value = field.default;
  if (value === undefined) return null;
  if (value === null || value === 'null') return 'null';
  if (isArray) throw new Error(`${field.name}: default of an array`);
  if (type === 'string') return value === '' ? null : JSON.stringify(value);
  if (type === 'bool') return String(value) === 'true' ? 'true' : null;
  if (String(value) === '9223372036854775807') return 'Infinity';
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error(`${field.name}: default ${String(value)}`);
  return number === 0 ? null : String(number);
}

function call(name: string, ...given: (string | null)[]): string {
  return `${name}(${given.filter((argument) => argument !== null).join(', ')})`;
}

// ---- versions --------------------------------------------------------------------------------------------------------------

function validRange(message: KafkaMessage): Range {
  const range = parseRange(message.validVersions);
  return { min: range.min, max: message.latestVersionUnstable === true ? range.max - 1 : range.max };
}

function parseRange(text: string): Range {
  const [min, max] = text.split(/[-+]/);
  return { min: Number(min), max: text.endsWith('+') ? Infinity : Number(max ?? min) };
}

const intersect = (a: Range, b: Range): Range => ({ min: Math.max(a.min, b.min), max: Math.min(a.max, b.max) });
const rangeText = (range: Range): string => (range.min === range.max ? `${range.min}` : `${range.min}-${range.max}`);

/** Null when `range` is all of `scope`: then nothing needs to be said. */
function scopeText(range: Range, scope: Range): string | null {
  if (range.min <= scope.min && range.max >= scope.max) return null;
  return range.max >= scope.max ? `'${range.min}+'` : `'${rangeText(range)}'`;
}

// ---- jars and names --------------------------------------------------------------------------------------------------------

function find(name: string): KafkaMessage {
  const text = clients.get(`common/message/${name}.json`) ?? coordinator.get(`common/message/${name}.json`);
  if (text === undefined) throw new Error(`no layout of ${name} in the jars`);
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, '').replace(/([^:"])\/\/.*$/gm, '$1')) as KafkaMessage;
}

/** The layouts in a jar, by path: the central directory at its end names every entry. */
function readJar(path: string): Map<string, string> {
  const jar = readFileSync(path);
  const end = jar.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const found = new Map<string, string>();
  let at = jar.readUInt32LE(end + 16);
  for (let left = jar.readUInt16LE(end + 10); left > 0; left--) {
    const nameBytes = jar.readUInt16LE(at + 28);
    const name = jar.toString('utf8', at + 46, at + 46 + nameBytes);
    if (/^common\/message\/\w+\.json$/.test(name)) {
      const local = jar.readUInt32LE(at + 42);
      const start = local + 30 + jar.readUInt16LE(local + 26) + jar.readUInt16LE(local + 28);
      const packed = jar.subarray(start, start + jar.readUInt32LE(at + 20));
      found.set(name, (jar.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)).toString('utf8'));
    }
    at += 46 + nameBytes + jar.readUInt16LE(at + 30) + jar.readUInt16LE(at + 32);
  }
  return found;
}

function emptyFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  for (const name of readdirSync(path)) rmSync(join(path, name));
  return path;
}

function wrap(names: string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    if (lines.length > 0 && lines.at(-1)!.length + name.length < 120) lines.push(`${lines.pop()} ${name},`);
    else lines.push(`  ${name},`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function kebab(name: string): string { return name.replace(/(?<=[a-z0-9])([A-Z])/g, '-$1').toLowerCase(); }
function lowerFirst(name: string): string { return name[0]!.toLowerCase() + name.slice(1); }

writeSchemas();
