// os/node-tls.ts - TLS over sockets, by node:tls: the handshake of both sides, and certificates that change while a listener serves.
// Owns: the versions (1.2 and 1.3), the end of slow handshakes, who is told of a bad certificate. Never: who a certificate lets in.
// T1 A connection is told of before its handshake, so that it counts for all limits; its bytes come after it. T2 New certificates are taken only when
// they work: else the former stay, and the operator is told. T3 Keys and passphrases stand in no error.
import type { Socket } from 'node:net';
import { connect, createSecureContext, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { MillraceError } from '../base/mod.ts';
import type { Connection, Pem, TlsClient, TlsIdentity, TlsServer } from './ports.ts';
import { receivingSecured } from './shared-read.ts';
import { SocketConnection } from './socket-connection.ts';
import { identityOf, sameIdentity } from './tls-files.ts';

const handshakeMsMax = 10_000;
/** Certificates are renewed days before they end: there is no hurry. */
const lookEveryMs = 10_000;
const versions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const;

/** Makes connections of accepted sockets until it is closed. Rejects 'invalid-argument' when the certificates are no good. */
export async function tlsAcceptor(tls: TlsServer): Promise<{ accept(socket: Socket): Connection; reload(other?: TlsIdentity & { readonly ca?: Pem }): Promise<void>; close(): void }> {
  const { clientAuth = 'none', onReload = () => {} } = tls;
  if (clientAuth !== 'none' && tls.ca === undefined) throw new MillraceError('invalid-argument', "Cannot ask clients for certificates: say whose signature counts, as 'ca'");
  let identity = await checkedIdentity(tls);
  const handshaking = new Map<string, HandshakingConnection>();
  const server = createServer({ ...identity, ...versions, requestCert: clientAuth !== 'none', rejectUnauthorized: clientAuth === 'required', handshakeTimeout: handshakeMsMax });
  const finish = (socket: TLSSocket, failure: Error | null): void => {
    const key = placeOf(socket);
    const connection = handshaking.get(key);
    handshaking.delete(key);
    if (connection === undefined) { socket.destroy(); return; }
    // A certificate that is shown must be good also where none need be.
    const unproved = failure ?? (clientAuth === 'requested' && !socket.authorized && socket.getPeerX509Certificate() !== undefined ? new Error(`the client's certificate does not count: ${String(socket.authorizationError)}`) : null);
    if (unproved === null) connection.secured(socket);
    else connection.failed(unproved, socket);
  };
  server.on('secureConnection', (socket) => finish(socket, null));
  server.on('tlsClientError', (error, socket) => finish(socket, error));

  let source: TlsIdentity & { readonly ca?: Pem } = tls;
  const take = async (other: typeof source): Promise<void> => {
    const fresh = await checkedIdentity(other);
    source = other;
    if (sameIdentity(fresh, identity)) return;
    server.setSecureContext({ ...fresh, ...versions });
    identity = fresh;
    onReload(null);
  };
  let last: Promise<void> = Promise.resolve();
  /** One after the other: what was asked for last is what is in use. */
  const reload = (other?: typeof source): Promise<void> => (last = last.catch(() => {}).then(() => take(other ?? source)));
  let lastFailure = '';
  const watch = setInterval(() => {
    reload().then(() => { lastFailure = ''; }, (error: Error) => {
      if (error.message !== lastFailure) onReload(error);
      lastFailure = error.message;
    });
  }, lookEveryMs);
  watch.unref();

  return {
    accept(socket) {
      const connection = new HandshakingConnection(socket);
      const key = placeOf(socket);
      handshaking.set(key, connection);
      socket.once('close', () => { if (handshaking.get(key) === connection) handshaking.delete(key); });
      server.emit('connection', socket);
      return connection;
    },
    reload,
    close() { clearInterval(watch); },
  };
}

const placeOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;

/** The identity in the form of node:tls, tried once. */
async function checkedIdentity(tls: TlsIdentity & { readonly ca?: Pem }): Promise<SecureContextOptions> {
  const identity = await identityOf(tls);
  try {
    createSecureContext({ ...identity, ...versions });
  } catch (error) {
    throw new MillraceError('invalid-argument', `Cannot use the certificate or key: ${(error as Error).message}`, { systemCode: (error as NodeJS.ErrnoException).code });
  }
  return identity;
}

/** An accepted connection before, during and after its handshake. */
class HandshakingConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly #raw: Socket;
  #secure: SocketConnection | null = null;
  #receive: ((secure: SocketConnection) => void) | null = null;
  #error: Error | null = null;
  #paused = false;
  #closing = false;
  readonly #early: { parts: readonly Uint8Array[]; done: ((error: Error | null) => void) | undefined }[] = [];

  constructor(raw: Socket) {
    this.#raw = raw;
    this.remote = `${raw.remoteAddress}:${raw.remotePort}`;
    this.local = `${raw.localAddress}:${raw.localPort}`;
    raw.on('error', (error) => { this.#error ??= error; });
    raw.once('close', () => {
      // Node ends a connection without a word when the certificate of a client does not count. Who said nothing only looked whether the port is open.
      if (this.#secure === null && raw.bytesRead > 0) this.#error ??= new MillraceError('authentication-failed', "Cannot finish the TLS handshake: it was broken off, or the client's certificate does not count");
      for (const { done } of this.#early.splice(0)) done?.(this.#error ?? new Error('the connection has ended'));
    });
  }

  get peerCertificate(): Uint8Array | null { return this.#secure?.peerCertificate ?? null; }

  /** The handshake has succeeded. */
  secured(socket: TLSSocket): void {
    const secure = new SocketConnection(socket, receivingSecured(socket));
    secure.peerCertificate = certificateOf(socket);
    this.#secure = secure;
    socket.on('error', (error) => { this.#error ??= error; });
    if (this.#paused) secure.pause();
    this.#receive?.(secure);
    for (const { parts, done } of this.#early.splice(0)) secure.write(parts, done);
    if (this.#closing) secure.close();
  }

  /** It has failed. */
  failed(error: Error, socket: TLSSocket): void {
    this.#error ??= new MillraceError('authentication-failed', `Cannot finish the TLS handshake: ${(error as { reason?: string }).reason ?? error.message.trim()}`, { cause: error });
    socket.on('error', () => {});
    socket.destroy();
    this.#raw.destroy();
  }

  onData(handler: (chunk: Uint8Array) => void, options: { readonly lent?: boolean } = {}): void {
    this.#receive = (secure) => secure.onData(handler, options);
    if (this.#secure !== null) this.#receive(this.#secure);
  }

  onClose(handler: (error: Error | null) => void): void {
    if (this.#raw.closed) setImmediate(() => handler(this.#error));
    else this.#raw.once('close', () => handler(this.#error));
  }

  write(parts: readonly Uint8Array[], done?: (error: Error | null) => void): void {
    if (this.#secure !== null) this.#secure.write(parts, done);
    else if (this.#raw.destroyed) { if (done) setImmediate(done, new Error('the connection has ended')); }
    else this.#early.push({ parts, done });
  }

  get bufferedBytes(): number {
    if (this.#secure !== null) return this.#secure.bufferedBytes;
    return this.#early.reduce((sum, { parts }) => sum + parts.reduce((bytes, part) => bytes + part.byteLength, 0), 0);
  }

  pause(): void {
    this.#paused = true;
    this.#secure?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#secure?.resume();
  }

  close(): void {
    this.#closing = true;
    if (this.#secure !== null) this.#secure.close();
    else if (this.#early.length === 0) this.#raw.destroy();
  }

  destroy(): void {
    this.#secure?.destroy();
    this.#raw.destroy();
  }
}

function certificateOf(socket: TLSSocket): Uint8Array | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : new Uint8Array(certificate.raw);
}

/** What a client needs to make a connection with TLS. Rejects 'invalid-argument' when its own certificate is no good. */
export async function dialTls(address: { host: string; port: number }, tls: TlsClient, options: object): Promise<{ open(): TLSSocket; connected(socket: TLSSocket): Connection; failure(error: Error): MillraceError | null }> {
  const identity = await checkedIdentity(tls);
  const servername = tls.servername ?? (/^[\d.]+$|:/.test(address.host) ? undefined : address.host); // an address is no name
  return {
    open: () => connect({ ...options, ...identity, ...versions, ...(servername === undefined ? {} : { servername }), rejectUnauthorized: tls.verify !== false }),
    connected(socket) {
      const connection = new SocketConnection(socket, undefined, (error) => failureOf(error, address) ?? error);
      connection.peerCertificate = certificateOf(socket);
      return connection;
    },
    failure: (error) => failureOf(error, address),
  };
}

/** An error that says that one side did not believe the other, or does not speak TLS at all; null for all others. */
function failureOf(error: Error, address: { host: string; port: number }): MillraceError | null {
  const { code = '' } = error as NodeJS.ErrnoException;
  const say = (errorCode: 'authentication-failed' | 'disconnected', why: string) => new MillraceError(errorCode, `Cannot connect to '${address.host}:${address.port}': ${why} (${code})`, { ...address, cause: error });
  if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE|UNKNOWN_CA|NO_CERTIFICATE|ACCESS_DENIED)|ALERT_HANDSHAKE_FAILURE|TLSV13_ALERT_CERTIFICATE_REQUIRED/.test(code)) {
    return say('authentication-failed', "the server does not accept this client's certificate, or wants one: set `cert` and `key`");
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return say('authentication-failed', `the server's certificate is for another name; set \`servername\`: ${error.message}`);
  if (/^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|INVALID_PURPOSE|ERROR_IN_CERT)/.test(code)) {
    return say('authentication-failed', `the server's certificate does not count: ${error.message}; set \`ca\` to the certificate of who signed it`);
  }
  if (/^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/.test(code)) return say('disconnected', 'the server does not speak TLS there');
  return null;
}
