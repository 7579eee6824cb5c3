// testing/sim/node/actor.ts - what all simulated clients share: a loop of actions with pauses, and what they take as a fault.
// Owns: the loop, and which errors a client under faults must expect. A promise that breaks ends the simulation.
import { isMillraceError } from '../../../base/mod.ts';
import type { Machine } from '../../../os/mod.ts';
import { errorCodes, errorName } from '../../../wire/mod.ts';
import type { FakeProcess } from '../../fake-process.ts';
import type { FakeRandom } from '../../fake-random.ts';
import type { World } from '../../world.ts';
import type { Coverage } from '../coverage.ts';
import { expect } from '../log-model.ts';
import type { RawClient } from './raw-client.ts';

/** What an actor is given. */
export interface Stage {
  readonly world: World;
  readonly process: FakeProcess;
  readonly random: FakeRandom;
  readonly coverage: Coverage;
  readonly client: RawClient;
  /** For clients that bring their own protocol. */
  readonly machine: Pick<Machine, 'net' | 'clock' | 'random'>;
  /** Ends the simulation with a finding. */
  readonly fail: (error: unknown) => void;
  /** Counts the node's starts. */
  readonly life: () => number;
  /** True once the actors shall come to rest. */
  readonly resting: () => boolean;
}

/** One simulated client. `rest` resolves once it has nothing under way. */
export abstract class Actor {
  readonly name: string;
  protected readonly stage: Stage;
  #resolveRest: () => void = () => {};
  readonly #rested = new Promise<void>((resolve) => { this.#resolveRest = resolve; });
  #busy = false;
  #isAtRest = false;

  constructor(name: string, stage: Stage) {
    this.name = name;
    this.stage = stage;
  }

  /** Acts again and again, `pauseMs` of virtual time apart on average. */
  start(pauseMs: number): void {
    void this.#loop(pauseMs);
  }

  /** Resolves when the actor has stopped after `resting` became true. */
  rest(): Promise<void> {
    return this.#rested;
  }

  /** It has stopped: nothing new will come of it. */
  get isAtRest(): boolean { return this.#isAtRest; }

  /** Lets go of everything, once at rest: the node is left alone. */
  async end(): Promise<void> {
    this.stage.client.drop();
  }

  /** One action. May reject with what isFault() knows. */
  protected abstract act(): Promise<void>;

  /** True while something must still be brought to an end before the actor may rest. */
  protected unfinished(): boolean { return false; }

  protected sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.stage.process.schedule(ms, resolve); });
  }

  protected trace(line: string): void {
    this.stage.world.trace(`${this.name}: ${line}`);
  }

  async #loop(pauseMs: number): Promise<void> {
    const { random } = this.stage;
    try {
      while (!this.stage.resting() || this.unfinished()) {
        await this.sleep(random.exponential(pauseMs));
        await this.#tryToAct();
      }
      this.#isAtRest = true;
      this.#resolveRest();
    } catch (error) {
      this.stage.fail(error);
    }
  }

  async #tryToAct(): Promise<void> {
    expect(!this.#busy, 'one action at a time');
    this.#busy = true;
    try {
      await this.act();
    } catch (error) {
      if (!isFault(error)) throw error;
      this.trace(`fault: ${(error as Error).message}`);
      await this.sleep(this.stage.random.exponential(50));
    } finally {
      this.#busy = false;
    }
  }
}

/** Errors of connections that faults explain. */
export function isFault(error: unknown): boolean {
  return isMillraceError(error) && ['timeout', 'disconnected', 'overloaded', 'circuit-open', 'disk-full', 'storage-failed', 'rebalance', 'server-error'].includes(error.code);
}

const passing: readonly number[] = [
  errorCodes.LEADER_NOT_AVAILABLE, errorCodes.NOT_LEADER_OR_FOLLOWER, errorCodes.REQUEST_TIMED_OUT, errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS, errorCodes.COORDINATOR_NOT_AVAILABLE, errorCodes.NOT_COORDINATOR, errorCodes.THROTTLING_QUOTA_EXCEEDED,
];

/** True for an error code that goes away: a fault of the disk, a start under way. Any other than these and `allowed` breaks a promise. */
export function passes(what: string, code: number, allowed: readonly number[] = []): boolean {
  expect(code === 0 || passing.includes(code) || allowed.includes(code), `${what} was answered ${errorName(code)}`);
  return passing.includes(code);
}
