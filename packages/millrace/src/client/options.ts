// client/options.ts - what connect() takes: a place, or a node of this process; and how its calls behave.
import type { ClientPorts } from './net/ports.ts';
import type { ClientSasl, ClientTls } from './net/security.ts';

/** What connect() needs of a node that runs in this process: its address, and the machine it runs on (the real one or a simulated one). */
export interface LocalNode {
  /** 'host:port' as the node advertises it on its own net. */
  readonly bootstrap: string;
  readonly machine: ClientPorts;
}

/** 'host:port', 'kafka://a:9092,b:9092', 'kafkas://user:password@host:port' (with TLS), a list of those, or a node of this process. */
export type ConnectTarget = string | readonly string[] | LocalNode;

/** How a client behaves. Every value has a default. */
export interface ClientOptions {
  /** Speaks TLS: true, or whose certificates count and which is ours (default: as the URL says, 'kafkas://' does). */
  readonly tls?: ClientTls;
  /** Who this client is (default: as the URL says, 'kafkas://user:password@host'). */
  readonly sasl?: ClientSasl;
  /** Name in the servers' logs and quotas (default 'millrace'). */
  readonly clientId?: string;
  /** Time for the first contact (default 5 000), and for opening any later connection (default 10 000), in ms. */
  readonly connectTimeoutMs?: number;
  /** Whether connect() tries again until connectTimeoutMs while nothing listens; false fails at once (default true). */
  readonly waitForServer?: boolean;
  /** Silence after which a server that owes an answer counts as gone, in ms (default 30 000). */
  readonly requestTimeoutMs?: number;
  /** Deadline of calls that name none, in ms (default 30 000). */
  readonly callTimeoutMs?: number;
  /** Leaders and brokers are looked up again at least this often, in ms (default 300 000). */
  readonly metadataMaxAgeMs?: number;
  /** Whether naming an unknown topic may create it, where the server allows it (default true). */
  readonly autoCreateTopics?: boolean;
  /** Other ports than the machine's own: a simulated network, virtual time. */
  readonly machine?: ClientPorts;
}
