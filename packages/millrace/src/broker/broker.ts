// broker/broker.ts - one node's broker: puts topics, producers, fetches, groups and connections together over a log.
// Owns: the order of opening and closing, the routing table. Never: decisions of its own.
// Opening: facts -> identity -> topics -> producers -> groups -> transactions -> share groups; only then are connections taken. Closing: the reverse.
import { isMillraceError, MillraceError, reportAs, type Report } from '../base/mod.ts';
import type { Log, LogState } from '../log/mod.ts';
import type { Connection, Listener, Machine, TlsServer } from '../os/mod.ts';
import {
  AlterConfigs, ApiVersions, CreatePartitions, CreateTopics, DeleteRecords, DeleteTopics, DescribeCluster, DescribeConfigs, DescribeLogDirs, DescribeProducers,
  DescribeTopicPartitions, ElectLeaders, Fetch, IncrementalAlterConfigs, ListConfigResources, ListOffsets, ListPartitionReassignments, Metadata,
  OffsetForLeaderEpoch, Produce, uuidText,
} from '../wire/mod.ts';
import { alterConfigsHandler, incrementalAlterConfigsHandler, loadAlteredConfig } from './admin/alter-configs.ts';
import { apiVersionsHandler, produceAdvertisedMin } from './admin/api-versions.ts';
import { createPartitionsHandler, createTopicsHandler } from './admin/create-topics.ts';
import { deleteRecordsHandler, deleteTopicsHandler } from './admin/delete-topics.ts';
import { describeConfigsHandler } from './admin/describe-configs.ts';
import {
  describeClusterHandler, describeLogDirsHandler, describeProducersHandler, describeTopicPartitionsHandler, electLeadersHandler, listConfigResourcesHandler,
  listPartitionReassignmentsHandler,
} from './admin/describe.ts';
import { metadataHandler } from './admin/metadata.ts';
import { CompactionCare } from './compaction/compaction-care.ts';
import { Authorizer } from './authorization/authorizer.ts';
import { authorizationRoutes } from './authorization/routes.ts';
import { guarded } from './authorization/rules.ts';
import { GroupConfigs } from './config/group-configs.ts';
import { NodeConfig } from './config/node-config.ts';
import { MemoryBudget } from './connection/memory-budget.ts';
import { Server } from './connection/server.ts';
import { fetchRoom, type FetchRoom } from './fetch/fetch.ts';
import { listOffsetsHandler } from './fetch/list-offsets.ts';
import { offsetForLeaderEpochHandler } from './fetch/offset-for-leader-epoch.ts';
import { importRoutes } from './import/routes.ts';
import { groupRoutes, openGroups, type GroupCoordinator } from './group/mod.ts';
import { route, type ListenerInfo, type Route } from './handlers.ts';
import { KeyedLog } from './keyed-log.ts';
import { BrokerMetrics } from './metrics/broker-metrics.ts';
import { ProducerIds } from './produce/producer-ids.ts';
import { ProducerStore } from './produce/producer-store.ts';
import { produceHandler } from './produce/produce.ts';
import { Authenticator } from './security/authentication.ts';
import { type ConfiguredListener, configuredListeners, configuredTls } from './security/configured-listeners.ts';
import { checkExposure } from './security/exposure.ts';
import { type SaslOptions, securityOf } from './security/options.ts';
import { securityRoutes } from './security/routes.ts';
import { ScramUsers } from './security/scram-users.ts';
import { SchemaGate } from './produce/schema-gate.ts';
import type { Validator } from './produce/validator.ts';
import { ConnectionCeilings } from './quotas/ceilings.ts';
import { metered } from './quotas/metering.ts';
import { Quotas } from './quotas/quotas.ts';
import { quotaRoutes } from './quotas/routes.ts';
import type { Services } from './services.ts';
import { ShareFetchRoom, ShareGroups, shareRoutes, withShareGroups } from './share/mod.ts';
import { transactionRoutes } from './transaction/routes.ts';
import { Transactions } from './transaction/transactions.ts';
import { World, type WorldOptions } from './world/mod.ts';
import { Topics } from './topics/topics.ts';

/** What a broker is made of. */
export interface BrokerOptions {
  readonly log: Log;
  readonly machine: Machine;
  /** Node configuration by Kafka's names; see config/node-definitions.ts. */
  readonly config?: Readonly<Record<string, string>>;
  /** Judges records by the schemas of their topics; default: a topic with a schema is refused. */
  readonly validator?: Validator;
  /** What is played for users' tests; default: nothing. */
  readonly world?: WorldOptions;
  /** One line for the operator; default: nothing is said. */
  readonly report?: Report;
  /** Told when an invariant broke and the node must stop; default: thrown, which ends the process. */
  readonly onFatal?: (error: unknown) => void;
}

/** Where to listen, and what clients are told. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly name?: string;
  /** Address told to clients; default: the one listened on. */
  readonly advertisedHost?: string;
  readonly advertisedPort?: number;
  /** Speaks TLS; `principalRules` are Kafka's ssl.principal.mapping.rules. */
  readonly tls?: TlsServer & { readonly principalRules?: string };
  /** Wants to know who its clients are. */
  readonly sasl?: SaslOptions;
  /** Lets in whoever reaches it, on an address that others can reach. */
  readonly insecure?: boolean;
  /** Its certificate is the one that the configuration names, also when that is altered. */
  readonly configured?: boolean;
  /** Broker that it stands for, where the node plays several; default: the node itself. */
  readonly nodeId?: number;
  /** Who its clients are as long as they do not say so; default: 'User:ANONYMOUS'. */
  readonly principal?: string;
}

/** What is opened before the broker. */
interface Parts { readonly groups: GroupCoordinator; readonly transactions: Transactions; readonly shareGroups: ShareGroups; readonly world: World; readonly users: ScramUsers }

const metadataPartition = '__millrace_metadata-0';
const clusterKey = 'cluster';

/**
 * A broker that serves connections until it is closed.
 * @example const broker = await Broker.open({ log, machine }); const listener = await broker.listen({ host: '127.0.0.1', port: 9092 });
 */
export class Broker {
  readonly services: Services;
  readonly #machine: Machine;
  readonly #server: Server;
  readonly #fetches: FetchRoom;
  readonly groups: GroupCoordinator;
  readonly #shareGroups: ShareGroups;
  readonly #shareFetches: ShareFetchRoom;
  readonly transactions: Transactions;
  /** What the node plays for its clients. */
  readonly world: World;
  readonly #listeners: { readonly name: string; readonly isConfigured: boolean; readonly listener: Listener }[] = [];
  readonly users: ScramUsers;
  #closing: Promise<void> | null = null;

  private constructor(services: Services, parts: Parts, options: BrokerOptions, requestMemory: MemoryBudget, ceilings: ConnectionCeilings) {
    const { groups, transactions, shareGroups, world, users } = parts;
    this.services = services;
    this.users = users;
    this.world = world;
    this.#machine = options.machine;
    this.#fetches = fetchRoom(services);
    this.groups = groups;
    this.transactions = transactions;
    this.#shareGroups = shareGroups;
    this.#shareFetches = new ShareFetchRoom(shareGroups);
    services.config.onChange(() => { void this.reloadCertificates(); });
    const routes = this.#routes();
    const fatal = options.onFatal ?? ((error: unknown) => { throw error; });
    this.#server = new Server({
      clock: services.clock, config: services.config, router: world.router(routes), requestMemory, responseMemory: services.responseMemory,
      authenticator: new Authenticator({ clock: services.clock, random: services.random, users }),
      ceilings, metrics: services.metrics, report: reportAs('connection', services.report),
      fatal: (error) => { services.report(`stopped: ${error instanceof Error ? error.stack : String(error)}`, 'error'); fatal(error); },
    });
  }

  /** Brings back everything that the log holds, then is ready to serve. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const { log, machine } = options;
    const report: Report = reportAs('broker', options.report ?? (() => {}));
    const config = new NodeConfig(options.config);
    const metadata = await KeyedLog.open(log, machine.clock, metadataPartition, (error) => report(`the metadata partition could not be shortened: ${String(error)}`, 'warn'));
    loadAlteredConfig(metadata, config, report);
    // What a wrong configuration stops is made before anything that would have to be ended again.
    const authorizer = Authorizer.open({ metadata, config, clock: machine.clock, report });
    const quotas = new Quotas(metadata, config, machine.clock);
    const ceilings = new ConnectionCeilings(config, quotas, machine.clock);
    const clusterId = await clusterIdOf(metadata, machine);
    const topics = new Topics(log, metadata, config, machine.random, report);
    const compaction = new CompactionCare(log, topics, config, machine.clock);
    await topics.open();
    const world = await World.open(options.world ?? {}, { nodeId: config.number('node.id'), topics, metadata, clock: machine.clock, report });
    const validator = options.validator ?? noValidator;
    const services: Services = {
      validator, gate: new SchemaGate(validator, (callback) => log.whenRoom(callback)),
      clock: machine.clock, random: machine.random, log, config, topics, metadata,
      groupConfigs: new GroupConfigs(metadata, config, report),
      producerIds: new ProducerIds(metadata),
      producers: await ProducerStore.open({ log, clock: machine.clock, config, topics, report }),
      responseMemory: new MemoryBudget(config.number('millrace.response.memory.bytes')),
      authorizer, quotas, metrics: new BrokerMetrics(),
      nodeId: config.number('node.id'),
      brokerIds: world.brokerIds,
      clusterId,
      logFolder: machine.disk.root,
      freeBytes: () => machine.disk.freeBytes(),
      report,
    };
    log.onState((state) => reportState(state, report));
    services.metrics.watchSlow(config, reportAs('request', report));
    const groups = await openGroups({ ...services, report: reportAs('group', report) });
    const transactions = await Transactions.open({ ...services, groups, report: reportAs('transaction', report) });
    const shareGroups = await ShareGroups.open({ ...services, report: reportAs('group', report) }, (id) => groups.find(id) !== undefined);
    const users = await ScramUsers.open(metadata, machine.random);
    compaction.begin();
    return new Broker(services, { groups, transactions, shareGroups, world, users }, options, new MemoryBudget(config.number('queued.max.request.bytes')), ceilings);
  }

  /** Listens for clients. Rejects with 'invalid-argument' when the address cannot be taken, 'closed' after close(). */
  async listen(options: ListenOptions): Promise<Listener> {
    if (this.#closing) throw new MillraceError('closed', 'Cannot listen: the node is closing');
    const { host, port, tls, sasl } = options;
    const { report } = this.services;
    if (this.#machine.net.isReal) checkExposure(options, report);
    const security = securityOf(options.name, { ...(tls && { tls }), ...(sasl && { sasl }) });
    const name = options.name ?? security.protocol;
    const info = { name, advertisedHost: options.advertisedHost ?? host, advertisedPort: options.advertisedPort ?? port, nodeId: options.nodeId ?? this.services.nodeId, security, ...(options.principal === undefined ? {} : { principal: options.principal }) };
    const onReload = (failure: Error | null) => (failure === null ? report(`listener ${name} uses the new certificate`) : report(`listener ${name} keeps its certificate: ${failure.message}`, 'warn'));
    const listener = await this.#machine.net.listen({ host, port, ...(tls && { tls: { ...tls, onReload } }) }, (stream) => this.#server.accept(stream, info));
    if (info.advertisedPort === 0) info.advertisedPort = listener.port;
    this.world.listens(info);
    this.#listeners.push({ name, isConfigured: options.configured === true && tls !== undefined, listener });
    return listener;
  }

  /** The listeners that the configuration names by Kafka's keys; none when it names none. */
  configuredListeners(): ConfiguredListener[] {
    return configuredListeners(this.services.config);
  }

  /** Reads certificates again, or takes those that the configuration names now. A file that is no good leaves the one before in use, and a line in the report. */
  async reloadCertificates(): Promise<void> {
    const { config, report } = this.services;
    for (const { name, isConfigured, listener } of this.#listeners) {
      try {
        await listener.reload(isConfigured ? configuredTls(config, name) : undefined);
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        report(`listener ${name} keeps its certificate: ${error.message}`, 'warn');
      }
    }
  }

  /** Serves one stream: the way in for a client of the same process. */
  accept(stream: Connection, listener: ListenerInfo): void {
    this.#server.accept(stream, listener);
  }

  /** Open connections, and those ended because they held others up. */
  get connections(): { readonly open: number; readonly evicted: number } {
    return { open: this.#server.connectionCount, evicted: this.#server.evictedCount };
  }

  /** Bytes held for requests that are being read or handled, and for answers that are not yet sent. */
  get memory(): { readonly requestBytes: number; readonly responseBytes: number } {
    return { requestBytes: this.#server.requestMemory.usedBytes, responseBytes: this.#server.responseMemory.usedBytes };
  }

  /** What they may be. */
  get memoryMax(): { readonly requestBytes: number; readonly responseBytes: number } {
    return { requestBytes: this.#server.requestMemory.bytesMax, responseBytes: this.#server.responseMemory.bytesMax };
  }

  /** Stops listening, answers what is under way, ends all connections. The log stays open: its owner closes it. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const stopped = this.#listeners.map(({ listener }) => listener.close());
    this.#fetches.finishWaiting();
    this.world.close();
    this.#shareFetches.finishWaiting();
    this.#shareGroups.close();
    this.transactions.close();
    this.groups.close();
    await this.#server.close();
    this.services.validator.close(); // not before: what it is judging would be refused for good
    await Promise.all(stopped);
    await this.services.producers.close();
  }

  #routes(): Route[] {
    const { services } = this;
    let routes: Route[] = [
      route(Produce, produceHandler(services, this.transactions), { advertisedMin: produceAdvertisedMin, borrows: true }),
      route(Fetch, this.#fetches.handle),
      route(ListOffsets, listOffsetsHandler(services)),
      route(Metadata, metadataHandler(services)),
      route(ApiVersions, apiVersionsHandler(() => routes)),
      route(CreateTopics, createTopicsHandler(services)),
      route(DeleteTopics, deleteTopicsHandler(services)),
      route(DeleteRecords, deleteRecordsHandler(services)),
      route(OffsetForLeaderEpoch, offsetForLeaderEpochHandler(services)),
      route(CreatePartitions, createPartitionsHandler(services)),
      route(DescribeConfigs, describeConfigsHandler(services)),
      route(AlterConfigs, alterConfigsHandler(services)),
      route(IncrementalAlterConfigs, incrementalAlterConfigsHandler(services)),
      route(ListConfigResources, listConfigResourcesHandler(services)),
      route(DescribeCluster, describeClusterHandler(services)),
      route(DescribeTopicPartitions, describeTopicPartitionsHandler(services)),
      route(DescribeLogDirs, describeLogDirsHandler(services)),
      route(DescribeProducers, describeProducersHandler(services)),
      route(ListPartitionReassignments, listPartitionReassignmentsHandler()),
      route(ElectLeaders, electLeadersHandler(services)),
      ...securityRoutes(this.users),
      ...withShareGroups(groupRoutes(this.groups, services.nodeId), this.#shareGroups),
      ...shareRoutes(this.#shareGroups, this.#shareFetches),
      ...transactionRoutes(services, this.transactions, this.groups),
      ...importRoutes(services),
      ...authorizationRoutes(services.authorizer),
      ...quotaRoutes(services.quotas),
    ];
    const { authorizer, quotas } = services;
    routes = this.world.narrow(metered(authorizer === null ? routes : guarded(routes, { ...services, authorizer }), quotas, services.clock));
    return routes;
  }
}

/** Without a judge nothing passes a schema, and no topic gets one. */
const noValidator: Validator = {
  check: () => Promise.reject(new MillraceError('invalid-argument', 'Cannot use a schema: this node does not check records')),
  judge: async () => [{ batchIndex: 0, batchIndexErrorMessage: 'this node does not check records' }],
  close() {},
};

function reportState(state: LogState, report: Report): void {
  if (state.kind === 'failed') report(`the log has failed and takes no more writes until the node is restarted: ${state.reason}`, 'error', { event: 'log-state', state: state.kind, reason: state.reason });
  else if (state.kind === 'full') report('the log is full: writes are refused until there is room on the disk', 'error', { event: 'log-state', state: state.kind });
  else report(`the log is ${state.kind}`, 'info', { event: 'log-state', state: state.kind });
}

/** The users of a folder on which no broker runs. Nothing else of the folder is touched, so its topics keep what their node's own configuration would keep. */
export async function openUsers(log: Log, machine: Machine): Promise<ScramUsers> {
  return ScramUsers.open(await KeyedLog.open(log, machine.clock, metadataPartition, () => {}), machine.random);
}

/** The cluster's id: made once, kept for ever. */
async function clusterIdOf(metadata: KeyedLog, machine: Machine): Promise<string> {
  const text = metadata.values.get(clusterKey);
  if (text !== undefined) return (JSON.parse(text) as { id: string }).id;
  const id = uuidText(machine.random.bytes(16), 0);
  await metadata.write([{ key: clusterKey, value: JSON.stringify({ version: 1, id }) }]);
  return id;
}
