// node/options.ts - what startNode() takes, and what it gives.
import type { ReportFacts, ReportLevel } from '../base/mod.ts';
import type { FaultPlan, FaultReport } from '../broker/mod.ts';
import type { CopySummary } from '../log/mod.ts';
import type { SaslOptions } from '../broker/mod.ts';
import type { Connection, Machine, TlsServer } from '../os/mod.ts';
import type { NodeUser, UsersChange } from './users.ts';
import type { StallFigures } from './stall-watch.ts';

/** One address to listen on. */
export interface NodeListener {
  /** Name in reports (default: Kafka's name of what protects it, such as 'PLAINTEXT' or 'SASL_SSL'). */
  readonly name?: string;
  /** Default '127.0.0.1'. An address that others can reach needs `sasl`, or `tls` that requires certificates, or `insecure`. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Address told to clients that come in here (default: the one listened on). */
  readonly advertisedHost?: string;
  readonly advertisedPort?: number;
  /** Speaks TLS here, with this certificate. With `clientAuth` clients show theirs, and are who it says, by `principalRules`. */
  readonly tls?: NodeTls;
  /** Clients say here who they are, by user and password or by token. */
  readonly sasl?: SaslOptions;
  /** Lets whoever reaches the address read, write and delete everything, where it would else be refused. */
  readonly insecure?: boolean;
}

/** How a listener speaks TLS: certificate and key as PEM (text, or paths of files that are looked at again every ten seconds). */
export interface NodeTls extends Omit<TlsServer, 'onReload'> {
  /** From the subject of a client's certificate to the name of its user, as Kafka's ssl.principal.mapping.rules (default 'DEFAULT': the whole subject). */
  readonly principalRules?: string;
}

/** How a node starts. Everything has a default: an empty node in memory on a free port of the loopback. */
export interface NodeOptions extends NodeListener {
  /** Folder of the data; left out, everything is kept in memory and gone after close(). */
  readonly data?: string;
  /** Further addresses to listen on. */
  readonly listeners?: readonly NodeListener[];
  /** For tests: advertises and serves what that release of Apache Kafka has, such as '3.5' (2.1 to 4.3). */
  readonly asKafkaVersion?: string;
  /** For tests: so many brokers are shown to clients, each at an address of its own (default 1); with a fixed port the others take those after it. */
  readonly brokers?: number;
  /** For tests: what goes wrong, and how often; see node.faults. */
  readonly faults?: FaultPlan;
  /** Node configuration by Kafka's names, such as { 'num.partitions': '4' }. */
  readonly config?: Readonly<Record<string, string>>;
  /** Where a node with a data folder runs: on a thread of its own (the default), or on the caller's, which must then do nothing else. */
  readonly thread?: 'own' | 'caller';
  /** Memory for recent appends, in bytes (default 64 MiB on disk, 1 MiB in memory). */
  readonly tailBytes?: number;
  /** Size of a journal file in bytes. */
  readonly journalFileBytes?: number;
  /** Other ports than the real ones: the simulator's. The node then runs on the caller's thread. */
  readonly machine?: Machine;
  /** One line for the operator, as things happen, how much it matters, and facts of it for programs (default: nowhere). */
  readonly onReport?: (line: string, level: ReportLevel, facts: ReportFacts) => void;
  /** Told when the node stopped by itself because an invariant broke (default: thrown, which ends the process). */
  readonly onFatal?: (error: unknown) => void;
}

/** What a running node says of itself. */
export interface NodeStatus {
  /** When its thread was held up for more than 20 ms; a node in memory shares its thread and does not count. */
  readonly stalls: StallFigures;
  /** Open connections, and those ended since the start because they held others up. */
  readonly connections: { readonly open: number; readonly evicted: number };
}

/** Which text of metrics. */
export interface MetricsOptions {
  /** 'partition': a series for each partition, where there is one for each topic by default. */
  readonly detail?: 'topic' | 'partition';
  /** Default 'prometheus': the text format 0.0.4. */
  readonly format?: 'prometheus' | 'openmetrics';
}

/** Faults of a running node, for tests. What is out of range or names what is not there rejects 'invalid-argument' or 'topic-not-found'. */
export interface NodeFaults {
  /** Replaces all rules; counts begin anew. */
  set(plan: FaultPlan): Promise<FaultReport>;
  /** Ends all rules. */
  clear(): Promise<FaultReport>;
  /** What was injected since the rules were set. */
  report(): Promise<FaultReport>;
  /** Gives a partition another leader (the next broker, unless one is named) with a higher epoch. */
  moveLeader(topic: string, partition: number, to?: number): Promise<FaultReport>;
  /** Gives a group, or a transactional id, another coordinator. */
  moveCoordinator(of: 'group' | 'transaction', name: string, to?: number): Promise<FaultReport>;
}

/** A running node. Fits connect(). */
export interface Node {
  /** Address of the first listener, as told to clients. */
  readonly host: string;
  readonly port: number;
  /** The same as 'host:port'. */
  readonly bootstrap: string;
  /** The same as 'kafka://host:port', or 'kafkas://host:port' where it speaks TLS. */
  readonly url: string;
  /** The ports by which a client of this process reaches the node. */
  readonly machine: Pick<Machine, 'net' | 'clock' | 'random'>;
  /** A stream to the node that leaves out the network where it can. */
  dial(): Promise<Connection>;
  /**
   * Copies everything acknowledged so far to a folder while the node serves: consistent over partitions, only what is new when the folder
   * holds an earlier backup of this node. Rejects 'invalid-argument' for a folder that is something else, 'data-damaged', 'disk-full'.
   */
  backup(folder: string): Promise<CopySummary>;
  /** Changes the users of SCRAM, if anything is to be changed, and tells all that there are. Rejects 'invalid-argument', 'not-found'. */
  users(change?: UsersChange): Promise<NodeUser[]>;
  /** What goes wrong on purpose. */
  readonly faults: NodeFaults;
  /** How the node is. */
  status(): Promise<NodeStatus>;
  /** Its metrics as text, as Prometheus would be told them; docs/guide/metrics.md lists them. */
  metrics(options?: MetricsOptions): Promise<string>;
  /** Where metrics and health are served over HTTP, such as 'http://127.0.0.1:9464'; null unless `millrace.metrics.listener` asks for it. */
  readonly metricsUrl: string | null;
  /** Stops cleanly: nothing new is taken, what is under way is answered, everything is checkpointed. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
