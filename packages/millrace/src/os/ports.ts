// os/ports.ts - the doors to the machine: Disk, Clock, Net, Random. Every other room sees only these.
// Owns: the contracts. Their Node versions are beside this file, their fakes in testing/; one contract suite holds for all.
// O1 A write is durable only once a later sync of the same file has been confirmed. O2 Callbacks never run inside the call that
// registers them. O3 A failed sync is never retried by the port: what it covered counts as lost.

/** A byte range that another thread may read: allocated by `Disk.allocate`, so that it crosses to the lane without a copy. */
export type SharedBytes = Uint8Array;

/** One open file. All positions and sizes are in bytes. Methods reject with MillraceError 'disk-full', 'storage-failed', 'not-found' or 'closed'. */
export interface DiskFile {
  readonly path: string;
  /** Size now, as the operating system sees it. */
  size(): Promise<number>;
  /** Fills `into` from `position`; resolves to the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** The same at once, on this thread: only for small reads of what is surely in the page cache, and for start-up. */
  readSync(into: Uint8Array, position: number): number;
  /** Writes all parts back to back from `position`, without a sync. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  truncate(bytes: number): Promise<void>;
  /** fdatasync: resolves when all earlier confirmed writes to this file survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A step of a lane's commit, executed in order. */
export type LaneStep =
  | { readonly kind: 'write'; readonly file: DiskFile; readonly position: number; readonly parts: readonly SharedBytes[] }
  | { readonly kind: 'sync'; readonly file: DiskFile };

/** What a finished commit measured, in milliseconds. */
export interface LaneResult { readonly writeMs: number; readonly syncMs: number }

/**
 * An ordered lane of blocking writes and syncs on a thread of its own (the journal's thread J). Commits finish in the order of
 * submission; the first failing step ends its commit and every later one with the same error.
 */
export interface Lane {
  /** Queues `steps`; `done` is called once, on this thread, never inside submit. Parts must not change until then. */
  submit(steps: readonly LaneStep[], done: (error: Error | null, result: LaneResult) => void): void;
  close(): Promise<void>;
}

/** Positions, lengths and memory of writes to a `direct` file are multiples of this. */
export const directAlignment = 4096;

/** How to open a file; all default to false. */
export interface OpenOptions { readonly create?: boolean; readonly readOnly?: boolean; readonly direct?: boolean }

/** Files of one data folder. Paths are relative to it, with '/' between names. */
export interface Disk {
  readonly root: string;
  /**
   * Opens for reading and writing; `create` makes a missing file, else a missing file rejects with 'not-found'.
   * `direct` asks for writes past the page cache (ignored where the machine cannot): then every position and every part's length
   * is a multiple of `directAlignment`, and parts come from `allocate`. Reads are free of that rule.
   */
  open(path: string, options?: OpenOptions): Promise<DiskFile>;
  /** Names in a folder, sorted; an absent folder is empty. */
  list(path: string): Promise<{ name: string; kind: 'file' | 'folder'; bytes: number }[]>;
  makeFolder(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes the names in a folder durable after create, rename or remove. */
  syncFolder(path: string): Promise<void>;
  /** Room left for the folder's user. */
  freeBytes(): Promise<number>;
  /** Zeroed memory that a lane may read without a copy, aligned for direct files. */
  allocate(bytes: number): SharedBytes;
  /** Starts a lane with its own thread. */
  openLane(): Promise<Lane>;
  /** Takes the folder for this process until released; rejects with 'data-folder-locked' naming the owner. */
  lock(): Promise<{ release(): Promise<void> }>;
}

/** A timer that can be taken back. */
export interface Timer { cancel(): void }

/** A time in which a thread took no events. */
export interface Stall {
  /** How long at least, in ms: up to the pace of the looks (10 ms) may be missing. */
  readonly ms: number;
  /** How much of it the thread spent computing (its own code or collecting garbage); the rest of the time it waited or was not let run. */
  readonly busyMs: number;
}

/** Time. */
export interface Clock {
  /** Wall time in ms since 1970; may jump. */
  nowMs(): number;
  /** Rising time in ms with fractions; its zero means nothing. */
  monotonicMs(): number;
  /** Calls back once after at least `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back once the events already waiting were handled (setImmediate): the place where a group closes. */
  soon(callback: () => void): void;
  /**
   * Tells of each time that this thread was held up for more than `overMs`, once it is over, and with `onLook` how late each of its looks was,
   * in ms; never keeps the process alive.
   */
  watchStalls(overMs: number, onStall: (stall: Stall) => void, onLook?: (lateMs: number) => void): Timer;
}

/** Chance. */
export interface Random {
  /** A whole number 0 .. 2^32-1. */
  uint32(): number;
  /** A number in [0, 1). */
  fraction(): number;
  /** Fresh bytes. */
  bytes(count: number): Uint8Array;
}

/** PEM: its text (it begins with '-----BEGIN'), or the path of a file that holds it. */
export type Pem = string;

/** A certificate with its key: as PEM, or both in a PKCS#12 file (`pfx` is its path). `passphrase` opens an encrypted key or the PKCS#12 file. */
export interface TlsIdentity { readonly cert?: Pem; readonly key?: Pem; readonly pfx?: string; readonly passphrase?: string }

/** How a listener speaks TLS, 1.2 at least. */
export interface TlsServer extends TlsIdentity {
  /** Whose signature makes a client's certificate count; needed when one is asked for. */
  readonly ca?: Pem;
  /** Whether clients are asked for a certificate, and whether one who shows none is let in (default 'none'). */
  readonly clientAuth?: 'none' | 'requested' | 'required';
  /** Told when the files had changed and were taken, or could not be taken: the former ones then stay in use. */
  readonly onReload?: (failure: Error | null) => void;
}

/** How a client speaks TLS, 1.2 at least. */
export interface TlsClient extends TlsIdentity {
  /** Whose signature makes the server's certificate count (default: the authorities that Node knows). */
  readonly ca?: Pem;
  /** The name that the server's certificate must have (default: the host dialled). */
  readonly servername?: string;
  /** False takes any certificate, so that anybody on the way can read and change everything. For tests. */
  readonly verify?: boolean;
}

/** One end of a byte stream. Handlers are set once, before the next turn of the loop. */
export interface Connection {
  /** 'host:port' of the other end. */
  readonly remote: string;
  /** 'host:port' of this end. */
  readonly local: string;
  /** The certificate, in DER, that the other end has shown and proved to hold; known once the first bytes have come. Null without TLS or without one. */
  readonly peerCertificate: Uint8Array | null;
  /**
   * Sets the receiver of bytes. The chunk belongs to the receiver, unless it said `lent`: then it may be used again for the next bytes as soon
   * as the handler returns, which spares a buffer per read.
   */
  onData(handler: (chunk: Uint8Array) => void, options?: { readonly lent?: boolean }): void;
  /** Called once when the stream has ended for any reason; nothing is delivered after it. */
  onClose(handler: (error: Error | null) => void): void;
  /**
   * Sends parts back to back. They must not change until `done`, which is called exactly once: with null when they are handed
   * to the operating system, with an error when the connection ended first.
   */
  write(parts: readonly Uint8Array[], done?: (error: Error | null) => void): void;
  /** Bytes accepted by write and not yet handed on. */
  readonly bufferedBytes: number;
  /** Stops and restarts delivery of onData: back-pressure to the sender. */
  pause(): void;
  resume(): void;
  /** Ends after what was written is sent. */
  close(): void;
  /** Ends at once. */
  destroy(): void;
}

/** Where a server listens. */
export interface Listener {
  /** The port taken (of interest when 0 was asked for). */
  readonly host: string;
  readonly port: number;
  /**
   * Reads the files of certificates again, now, or takes others from now on. Rejects 'invalid-argument' when they are no good: those in use stay then.
   * Without TLS it does nothing.
   */
  reload(tls?: TlsIdentity & { readonly ca?: Pem }): Promise<void>;
  /** Takes no further connections; those it took stay open. */
  close(): Promise<void>;
}

/** Byte streams. */
export interface Net {
  /** True for the machine's own network: other machines may reach it, and it speaks TLS. One inside the process does neither. */
  readonly isReal: boolean;
  /**
   * Rejects with 'invalid-argument' when the port is taken, the host unknown, or the certificates are no good. With TLS a connection is told of
   * as soon as it is made: its first bytes come after the handshake, and a failed handshake ends it.
   */
  listen(address: { host: string; port: number; tls?: TlsServer }, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** Rejects with 'disconnected' (refused, unreachable), 'timeout', or with TLS 'authentication-failed' when the server's certificate does not count. */
  connect(address: { host: string; port: number; timeoutMs: number; tls?: TlsClient }): Promise<Connection>;
}

/** A thread that computes what would hold this one up. */
export interface Helper {
  /**
   * Has one call done there, after those before it. Memory in `moved` changes hands with it, without a copy, and comes back the same way if the
   * answer holds it. Rejects with the error that the call threw there, or 'closed'.
   */
  call(message: unknown, moved?: readonly ArrayBufferLike[]): Promise<unknown>;
  /** Ends the thread; calls that are not answered by then reject with 'closed'. */
  close(): Promise<void>;
}

/** What a helper's thread answers a call with, and the memory that goes back with it. */
export interface HelperAnswer { readonly answer: unknown; readonly moved?: readonly ArrayBufferLike[] }

/** Threads for computing. */
export interface Threads {
  /** Starts a thread with the module at `entry`, which calls `serveCalls`. */
  open(entry: URL): Helper;
}

/** All the ports that a node or client needs. Without `threads`, what would be computed on a thread is done in small pieces on this one. */
export interface Machine { readonly disk: Disk; readonly clock: Clock; readonly net: Net; readonly random: Random; readonly threads?: Threads }
