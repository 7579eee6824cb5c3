// os/net-contract.ts - what every Net must do, as tests: TCP, memory and the simulated network all pass.
// Owns: the cases. A network under test comes with its clock and `pass`, which lets things happen until a promise settles.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMillraceError } from '../base/mod.ts';
import type { Clock, Connection, Net, TlsClient, TlsServer } from './ports.ts';

/** A network, the host name to listen on, and how to let time pass. */
export interface NetUnderTest {
  /** With it the cases go over TLS. */
  readonly tls?: { readonly server: TlsServer; readonly client: TlsClient };
  readonly net: Net;
  readonly host: string;
  readonly clock: Clock;
  readonly pass: <T>(until: Promise<T>) => Promise<T>;
}

/** Declares the contract's tests for one implementation. */
export function netContract(name: string, make: () => NetUnderTest): void {
  test(`${name}: bytes arrive in order in both directions, however they were cut`, async () => {
    await withPair(make(), async ({ near, far, pass }) => {
      const toFar = collect(far, 100_000);
      const toNear = collect(near, 3);
      near.write([pattern(0, 10), pattern(10, 50_000)]);
      near.write([pattern(50_000, 100_000)]);
      far.write([Uint8Array.of(7, 8, 9)]);
      assert.deepEqual(await pass(toFar), pattern(0, 100_000));
      assert.deepEqual(await pass(toNear), Uint8Array.of(7, 8, 9));
    });
  });

  test(`${name}: done is called once, never inside write, and the parts may be changed after it`, async () => {
    await withPair(make(), async ({ near, far, pass, clock }) => {
      const received = collect(far, 4);
      const part = Uint8Array.of(1, 2, 3, 4);
      let calls = 0;
      const done = new Promise<Error | null>((resolve) => { near.write([part], (error) => { calls++; resolve(error); }); });
      assert.equal(calls, 0);
      assert.equal(await pass(done), null);
      part.fill(0);
      assert.deepEqual(await pass(received), Uint8Array.of(1, 2, 3, 4));
      await pass(new Promise<void>((resolve) => { clock.after(5, resolve); }));
      assert.equal(calls, 1);
    });
  });

  test(`${name}: close sends what was written, then both ends hear of it once`, async () => {
    await withPair(make(), async ({ near, far, pass, clock }) => {
      const closes = { near: 0, far: 0 };
      const received: number[] = [];
      const ended = Promise.all([
        new Promise<void>((resolve) => { near.onClose(() => { closes.near++; resolve(); }); }),
        new Promise<void>((resolve) => { far.onClose(() => { closes.far++; resolve(); }); }),
      ]);
      near.onData(() => {});
      far.onData((chunk) => received.push(...chunk));
      near.write([Uint8Array.of(1, 2, 3)]);
      near.close();
      await pass(ended);
      await pass(new Promise<void>((resolve) => { clock.after(5, resolve); }));
      assert.deepEqual(received, [1, 2, 3]);
      assert.deepEqual(closes, { near: 1, far: 1 });
    });
  });

  test(`${name}: destroy ends both ends, and writing afterwards tells an error`, async () => {
    await withPair(make(), async ({ near, far, pass }) => {
      far.onData(() => {});
      const farClosed = new Promise<void>((resolve) => { far.onClose(() => resolve()); });
      const nearClosed = new Promise<void>((resolve) => { near.onClose(() => resolve()); });
      near.destroy();
      await pass(Promise.all([farClosed, nearClosed]));
      const error = await pass(new Promise<Error | null>((resolve) => { near.write([Uint8Array.of(1)], resolve); }));
      assert.ok(error instanceof Error);
    });
  });

  test(`${name}: a paused receiver stops the sender, and loses nothing when it goes on`, async () => {
    await withPair(make(), async ({ near, far, pass, clock }) => {
      const bytes = 64 << 20;
      let received = 0;
      let resolveAll = () => {};
      const all = new Promise<void>((resolve) => { resolveAll = resolve; });
      far.onData((chunk) => { received += chunk.length; if (received === bytes) resolveAll(); });
      far.pause();
      const part = new Uint8Array(1 << 20);
      for (let i = 0; i < bytes / part.length; i++) near.write([part]);
      await pass(new Promise<void>((resolve) => { clock.after(50, resolve); }));
      assert.ok(near.bufferedBytes > bytes / 4, `the sender sees that its bytes wait (${near.bufferedBytes})`);
      assert.ok(received < bytes);
      far.resume();
      await pass(all);
      assert.equal(received, bytes);
    });
  });

  test(`${name}: a receiver that is paused as it is accepted gets nothing until it goes on; what is lent to it is right`, async () => {
    const { net, host, clock, pass, tls } = make();
    const sent = pattern(0, 300_000);
    const received: Uint8Array[] = [];
    let bytes = 0;
    let resolveAll = () => {};
    const all = new Promise<void>((resolve) => { resolveAll = resolve; });
    let accepted: Connection | null = null;
    const listener = await pass(net.listen({ host, port: 0, ...(tls && { tls: tls.server }) }, (connection) => {
      accepted = connection;
      connection.pause();
      connection.onData((chunk) => { received.push(chunk.slice()); bytes += chunk.length; if (bytes === sent.length) resolveAll(); }, { lent: true });
    }));
    const near = await pass(net.connect({ host, port: listener.port, timeoutMs: 1000, ...(tls && { tls: tls.client }) }));
    near.write([sent]);
    await pass(new Promise<void>((resolve) => { clock.after(50, resolve); }));
    assert.equal(bytes, 0);
    (accepted as Connection | null)!.resume();
    await pass(all);
    assert.deepEqual(new Uint8Array(Buffer.concat(received)), sent);
    near.close();
    await pass(listener.close());
  });

  test(`${name}: nobody listens: 'disconnected'`, async () => {
    const { net, host, pass } = make();
    const listener = await pass(net.listen({ host, port: 0 }, () => {}));
    await pass(listener.close());
    await assert.rejects(pass(net.connect({ host, port: listener.port, timeoutMs: 1000 })), (error) => isMillraceError(error, 'disconnected'));
  });

  test(`${name}: a taken port: 'invalid-argument'`, async () => {
    const { net, host, pass } = make();
    const listener = await pass(net.listen({ host, port: 0 }, () => {}));
    assert.ok(listener.port > 0);
    await assert.rejects(pass(net.listen({ host, port: listener.port }, () => {})), (error) => isMillraceError(error, 'invalid-argument'));
    await pass(listener.close());
  });
}

/** What a network that is not the machine's own does with TLS: it has none, and says so. */
export function noTlsContract(name: string, make: () => NetUnderTest): void {
  test(`${name}: has no TLS, and refuses to pretend`, async () => {
    const { net, host, pass } = make();
    assert.equal(net.isReal, false);
    await assert.rejects(pass(net.listen({ host, port: 0, tls: { cert: 'x', key: 'x' } }, () => {})), (error) => isMillraceError(error, 'invalid-argument'));
    const listener = await pass(net.listen({ host, port: 0 }, () => {}));
    await assert.rejects(pass(net.connect({ host, port: listener.port, timeoutMs: 100, tls: {} })), (error) => isMillraceError(error, 'invalid-argument'));
    await pass(listener.reload());
    await pass(listener.close());
  });
}

interface Pair extends NetUnderTest { readonly near: Connection; readonly far: Connection }

async function withPair(under: NetUnderTest, use: (pair: Pair) => Promise<void>): Promise<void> {
  const { net, host, pass, tls } = under;
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => { accept = resolve; });
  const listener = await pass(net.listen({ host, port: 0, ...(tls && { tls: tls.server }) }, (connection) => accept(connection)));
  const near = await pass(net.connect({ host, port: listener.port, timeoutMs: 5000, ...(tls && { tls: tls.client }) }));
  const far = await pass(accepted);
  try {
    await use({ ...under, near, far });
  } finally {
    near.destroy();
    far.destroy();
    await pass(listener.close());
  }
}

function collect(connection: Connection, bytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve) => {
    connection.onData((chunk) => {
      chunks.push(chunk.slice());
      size += chunk.length;
      if (size >= bytes) resolve(new Uint8Array(Buffer.concat(chunks)));
    });
  });
}

function pattern(from: number, to: number): Uint8Array {
  return Uint8Array.from({ length: to - from }, (_, i) => ((from + i) * 31) & 0xff);
}
