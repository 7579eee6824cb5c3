// testing/sim/node/wardens.ts - a client that changes passwords of users, and logs in with right and wrong ones.
// Owns: the promises of logins: W1 a confirmed password lets its user in, after every crash; W2 one that was replaced, or whose user was removed, lets nobody in.
// A change whose answer was lost counts as possible until a later life of the node has confirmed another.
import { connect } from '../../../client/mod.ts';
import { isMillraceError } from '../../../base/mod.ts';
import { AlterUserScramCredentials, errorCodes, saltedPassword, scramMechanismNumbers } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { Actor, isFault, passes } from './actor.ts';
import type { Stage } from './actor.ts';

/** Where logins are asked for. */
export const guardedPort = 9093;

/** A password, or null for none: the user is not there. */
type Password = string | null;
interface Known { sure: Password; possible: { password: Password; life: number }[] }

const names = ['alice', 'bob'];
const mechanism = 'SCRAM-SHA-256';

/** Changes and logs in. */
export class Warden extends Actor {
  readonly #users = new Map<string, Known>(names.map((name) => [name, { sure: null, possible: [] }]));
  #changes = 0;

  constructor(name: string, stage: Stage) {
    super(name, stage);
  }

  protected override async act(): Promise<void> {
    const { random } = this.stage;
    const name = random.pick(names);
    if (random.chance(0.4)) await this.#change(name);
    else await this.check(name);
  }

  /** Logs in as every user (W1, W2). */
  async checkAll(): Promise<void> {
    for (const name of names) await this.check(name);
  }

  /** Logs in once, with a password that must do, one that must not, or one that may. */
  async check(name: string): Promise<void> {
    const known = this.#users.get(name)!;
    const password = known.sure !== null && this.stage.random.chance(0.7) ? known.sure : `${name}-${this.stage.random.below(this.#changes + 1)}`;
    const outcomes = [known.sure, ...known.possible.map((one) => one.password)].map((one) => one === password);
    const isIn = await this.#login(name, password);
    if (isIn === null) return;
    expect(outcomes.includes(isIn), isIn ? `W2: '${name}' came in with a password that does not count` : `W1: '${name}' was refused with the password that was confirmed`);
    this.stage.coverage.met(isIn ? 'login' : 'login refused', 'users');
  }

  async #change(name: string): Promise<void> {
    const known = this.#users.get(name)!;
    const password = known.sure !== null && this.stage.random.chance(0.3) ? null : `${name}-${++this.#changes}`;
    const change = { password, life: this.stage.life() };
    known.possible.push(change);
    const salt = this.stage.machine.random.bytes(16);
    const body = password === null
      ? { deletions: [{ name, mechanism: scramMechanismNumbers[mechanism] }] }
      : { upsertions: [{ name, mechanism: scramMechanismNumbers[mechanism], iterations: 4096, salt, saltedPassword: saltedPassword(mechanism, password, salt, 4096) }] };
    const answer = await this.stage.client.call(AlterUserScramCredentials, 0, body);
    const { errorCode } = answer.results[0]!;
    const isGone = password === null && errorCode === errorCodes.RESOURCE_NOT_FOUND;
    if (passes('AlterUserScramCredentials', errorCode, isGone ? [errorCode] : [])) return;
    expect(!isGone || known.possible.length > 1 || known.sure === null, `W1: '${name}' is not there, and was confirmed`);
    this.trace(`${name} has ${password === null ? 'no password' : password}`);
    known.sure = password;
    // What was asked in this life, and not answered, may still be under way.
    known.possible = known.possible.filter((one) => one !== change && one.life === change.life);
  }

  /** Null when a fault came between. */
  async #login(name: string, password: string): Promise<boolean | null> {
    try {
      const client = await connect(`broker:${guardedPort}`, {
        clientId: this.name, machine: this.stage.machine, requestTimeoutMs: 5000, connectTimeoutMs: 5000, autoCreateTopics: false, waitForServer: false, sasl: { username: name, password, mechanism },
      });
      await client.close();
      return true;
    } catch (error) {
      if (isMillraceError(error, 'authentication-failed')) return false;
      if (isFault(error)) return null;
      throw error;
    }
  }
}
