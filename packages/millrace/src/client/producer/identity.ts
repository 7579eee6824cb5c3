// client/producer/identity.ts - the id and epoch under which a producer's batches are numbered.
// Owns: asking for an id once, raising the epoch, and having a new id at hand before epochs run out.
import { assert } from '../../base/mod.ts';
import { InitProducerId } from '../../wire/mod.ts';
import { kafkaError } from '../errors.ts';
import type { Cluster } from '../net/cluster.ts';
import type { ProducerIdentity } from './partition-queue.ts';

const epochMax = 32_767;
/** From here on the next id is fetched ahead. */
const epochLate = 30_000;

/** Where a sender gets the identity of its batches from. */
export interface NumberSource {
  /** Null while there is none. */
  readonly current: ProducerIdentity | null;
  /** Why there is none yet. */
  readonly lastError: Error | null;
  /** Asks for one unless one is there or being asked for; `done` is called when that has ended, well or not. */
  ask(done: () => void): void;
  /** An identity above the one a server refused. */
  above(refused: ProducerIdentity): ProducerIdentity;
}

/** The identity of one idempotent producer. */
export class IdentitySource implements NumberSource {
  readonly #cluster: Cluster;
  #current: ProducerIdentity | null;
  #spare: ProducerIdentity | null = null;
  #asking: Promise<void> | null = null;
  /** Why there is none yet. */
  lastError: Error | null = null;

  constructor(cluster: Cluster, idempotent: boolean) {
    this.#cluster = cluster;
    this.#current = idempotent ? null : { producerId: -1, epoch: -1 };
  }

  get current(): ProducerIdentity | null { return this.#current; }

  /** Asks for an id unless one is there or being asked for; `done` is called when that has ended, well or not. */
  ask(done: () => void): void {
    if (this.#current !== null && (this.#current.epoch < epochLate || this.#spare !== null)) return done();
    this.#asking ??= this.#request().then((identity) => {
      if (this.#current === null) this.#current = identity;
      else this.#spare = identity;
      this.lastError = null;
    }, (error: Error) => { this.lastError = error; }).finally(() => { this.#asking = null; });
    this.#asking.then(done);
  }

  /** An identity above the one a server refused. */
  above(refused: ProducerIdentity): ProducerIdentity {
    const current = this.#current;
    assert(current !== null, 'only numbered batches are refused');
    if (current.producerId !== refused.producerId || current.epoch > refused.epoch) return current;
    if (current.epoch < epochMax) this.#current = { producerId: current.producerId, epoch: current.epoch + 1 };
    else if (this.#spare) { this.#current = this.#spare; this.#spare = null; }
    if (this.#current!.epoch >= epochLate) this.ask(() => {});
    return this.#current!;
  }

  async #request(): Promise<ProducerIdentity> {
    const deadline = this.#cluster.deadline(this.#cluster.options.requestTimeoutMs);
    const what = 'get a producer id';
    return await this.#cluster.call({ kind: 'any' }, InitProducerId, { transactionalId: null, transactionTimeoutMs: 0x7fffffff }, { what, deadline, idempotent: true }, (answer) => {
      if (answer.errorCode !== 0) throw kafkaError(answer.errorCode, what);
      return { producerId: answer.producerId, epoch: answer.producerEpoch };
    });
  }
}
