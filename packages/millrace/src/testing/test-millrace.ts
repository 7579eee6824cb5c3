// testing/test-millrace.ts - testMillrace(): a node and a client on virtual time, for the tests of users.
// Owns: putting the simulated machine, the node and a client together, and driving their time. Never: faults of its own; the caller turns
// the switches of `drive` and `net`.
// Cost: about two milliseconds to make one; no thread, socket or file.
import { connect } from '../client/mod.ts';
import type { Client, ClientOptions } from '../client/mod.ts';
import { startNode } from '../node/mod.ts';
import type { Node, NodeOptions } from '../node/mod.ts';
import type { FakeDevice } from './fake-device.ts';
import type { FakeNet } from './fake-net.ts';
import type { FakeProcess } from './fake-process.ts';
import { World } from './world.ts';

const address = { host: 'millrace', port: 9092 };

/** How a test node is made. */
export interface TestMillraceOptions {
  /** Everything that is chance comes from it; the same seed does the same (default 1). */
  readonly seed?: number;
  /** Node configuration by Kafka's names. */
  readonly config?: NodeOptions['config'];
  /** What the node plays: an older release, several brokers, faults (see startNode). */
  readonly world?: Pick<NodeOptions, 'asKafkaVersion' | 'brokers' | 'faults'>;
  /** Settings of the client. */
  readonly client?: Omit<ClientOptions, 'machine'>;
}

/** A node on a simulated machine. */
export interface TestMillrace extends AsyncDisposable {
  /** A client of the node, which lives on when the node is restarted. */
  readonly client: Client;
  /** The node's drive: fill it, slow it, make it fail, flip a bit. */
  readonly drive: FakeDevice;
  /** The network between 'client' and 'millrace': delay, reset, partition. */
  readonly net: FakeNet;
  /** What goes wrong on purpose in the node that runs now. */
  readonly faults: Node['faults'];
  /** Virtual ms since the start. */
  readonly nowMs: number;
  /** Runs `story` while virtual time goes as fast as it can, and gives its result. Whatever waits for the node or the client goes inside. */
  run<T>(story: () => Promise<T>): Promise<T>;
  /** Lets virtual time pass: sessions expire, retention deletes, retries happen. */
  advance(ms: number): Promise<void>;
  /** Kills the node at once and starts it again on its drive; with 'cut' the power goes too, and what was not synced may be lost. */
  restart(power?: 'stays' | 'cut'): Promise<void>;
  /** Ends client and node. */
  close(): Promise<void>;
}

/**
 * Starts a node in this thread on virtual time. A test that waits for an hour takes milliseconds, and a failure is a seed.
 * @example
 * await using millrace = await testMillrace({ seed: 7 });
 * const { offset } = await millrace.run(() => millrace.client.producer().send({ topic: 'orders', value: 'one' }));
 */
export async function testMillrace(options: TestMillraceOptions = {}): Promise<TestMillrace> {
  const world = new World(options.seed ?? 1);
  const stage = new Stage(world, options);
  await stage.startNode();
  const { machine } = world.start('client', 'client');
  const client = await world.time.settle(connect(`${address.host}:${address.port}`, { ...options.client, machine }));
  return stage.withClient(client);
}

class Stage {
  readonly #world: World;
  readonly #options: TestMillraceOptions;
  readonly #drive: FakeDevice;
  #node: Node | null = null;
  #process: FakeProcess | null = null;

  constructor(world: World, options: TestMillraceOptions) {
    this.#world = world;
    this.#options = options;
    this.#drive = world.device('drive');
  }

  async startNode(): Promise<void> {
    const { machine, process } = this.#world.start('millrace', 'millrace', this.#drive);
    this.#process = process;
    this.#node = await this.#world.time.settle(startNode({ ...address, ...this.#options.world, machine, ...(this.#options.config ? { config: this.#options.config } : {}) }));
  }

  withClient(client: Client): TestMillrace {
    const { time, net } = this.#world;
    const drive = this.#drive;
    const stage = this;
    let closing: Promise<void> | null = null;
    const close = () => (closing ??= time.settle(client.close().then(() => this.#node!.close())));
    return {
      client, drive, net, close,
      get nowMs() { return time.nowMs; },
      get faults() { return stage.#node!.faults; },
      run: (story) => time.settle(story()),
      advance: async (ms) => { await time.advance(ms); },
      restart: async (power = 'stays') => {
        this.#process!.kill();
        if (power === 'cut') drive.cutPower();
        await this.startNode();
      },
      [Symbol.asyncDispose]: close,
    };
  }
}
