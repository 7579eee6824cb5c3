// testing/sim/node/settings.ts - a client that changes a topic's configuration, and one promise of it: what was confirmed holds, also after
// a restart; a change is taken wholly or not at all; what is refused, or only tried, changes nothing.
// Owns: the topic's settings as they must be. A key whose change was not answered is left alone until the next life shows its value.
import { AlterConfigs, DescribeConfigs, IncrementalAlterConfigs, errorCodes } from '../../../wire/mod.ts';
import { expect } from '../log-model.ts';
import { buildBatch } from '../sim-batch.ts';
import { passes } from './actor.ts';
import type { Stage } from './actor.ts';
import { ProducerActor } from './producers.ts';
import type { Target } from './producers.ts';

const topicResource = 2;
const fromTopic = 1;
const changes: Readonly<Record<string, readonly string[]>> = {
  'retention.ms': ['-1', '604800000', '86400000'],
  'retention.bytes': ['-1', '100000000'],
  'segment.bytes': ['1048576', '4194304'],
  'segment.ms': ['50', '604800000'],
  'max.message.bytes': ['300', '1048588'],
  'message.timestamp.type': ['CreateTime', 'LogAppendTime'],
};
const keys = Object.keys(changes);
const wrongValues: Readonly<Record<string, string>> = { 'retention.ms': '-2', 'segment.bytes': '7', 'segment.ms': '0', 'max.message.bytes': 'many', 'message.timestamp.type': 'Never', 'no.such.key': '1' };

/** A key: the value that the topic has of its own (null: none), or those that it may have, since `life`. */
type Setting = { readonly kind: 'known'; readonly value: string | null } | { readonly kind: 'open'; readonly values: readonly (string | null)[]; readonly life: number };

/** Changes the settings of one topic that nobody else writes to. */
export class Settings extends ProducerActor {
  readonly #target: Target;
  readonly #settings = new Map<string, Setting>(keys.map((key) => [key, { kind: 'known', value: null }]));
  #sent = 0;

  constructor(name: string, stage: Stage, target: Target) {
    super(name, stage);
    this.#target = target;
  }

  protected override async act(): Promise<void> {
    const draw = this.stage.random.fraction();
    if (draw < 0.35) await this.#change();
    else if (draw < 0.5) await this.#changeWrongly();
    else if (draw < 0.75) await this.check();
    else await this.#produce();
  }

  /** Compares what the node says with what was confirmed. */
  async check(): Promise<void> {
    const life = this.stage.life();
    const answer = await this.stage.client.call(DescribeConfigs, 4, { resources: [{ resourceType: topicResource, resourceName: this.#target.topic, configurationKeys: null }], includeSynonyms: true, includeDocumentation: false });
    const { errorCode, configs } = answer.results[0]!;
    if (passes('DescribeConfigs', errorCode) || life !== this.stage.life()) return;
    for (const key of keys) {
      const row = configs.find(({ name }) => name === key);
      expect(row !== undefined, `${this.#target.topic}: '${key}' is not described`);
      const own = row.configSource === fromTopic ? row.value : null;
      const setting = this.#settings.get(key)!;
      const may = setting.kind === 'known' ? [setting.value] : setting.values;
      expect(may.includes(own), `${this.#target.topic}: '${key}' is ${String(own)}, it was set to ${may.map(String).join(' or ')}`);
      expect(row.synonyms[0]?.value === row.value, `${this.#target.topic}: '${key}' is ${String(row.value)}, its first synonym ${String(row.synonyms[0]?.value)}`);
      if (setting.kind === 'open' && setting.life < life) this.#settings.set(key, { kind: 'known', value: own });
    }
  }

  async #change(): Promise<void> {
    const { random } = this.stage;
    const free = keys.filter((key) => this.#settings.get(key)!.kind === 'known');
    const all = free.length === keys.length && random.chance(0.3);
    const chosen = free.filter(() => random.chance(0.4));
    if (chosen.length === 0) return;
    const wanted = new Map(chosen.map((key) => [key, !all && random.chance(0.25) ? null : random.pick(changes[key]!)]));
    if (all) for (const key of keys) if (!wanted.has(key)) wanted.set(key, null); // AlterConfigs replaces everything
    const life = this.stage.life();
    for (const [key, value] of wanted) this.#settings.set(key, { kind: 'open', values: [value, this.#known(key)], life });
    const errorCode = all
      ? (await this.stage.client.call(AlterConfigs, 2, { resources: [this.#resource([...wanted].filter(([, value]) => value !== null).map(([name, value]) => ({ name, value })))], validateOnly: false })).responses[0]!.errorCode
      : await this.#alter([...wanted].map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value })), false);
    this.trace(`set ${[...wanted].map(([key, value]) => `${key}=${String(value)}`).join(' ')}: ${errorCode}`);
    if (passes('IncrementalAlterConfigs', errorCode)) return;
    for (const [key, value] of wanted) this.#settings.set(key, { kind: 'known', value });
  }

  /** A good change beside a bad one, a good one that is only tried, a topic that is not there. */
  async #changeWrongly(): Promise<void> {
    const { random } = this.stage;
    const good = { name: 'retention.ms', configOperation: 0, value: '123456789' };
    const bad = random.pick(Object.keys(wrongValues));
    const wrong: [string, () => Promise<number>, number][] = [
      [`${bad}=${wrongValues[bad]}`, () => this.#alter([good, { name: bad, configOperation: 0, value: wrongValues[bad]! }].slice(bad === good.name ? 1 : 0), false), errorCodes.INVALID_CONFIG],
      ['validateOnly', () => this.#alter([good], true), errorCodes.NONE],
      ['an unknown operation', () => this.#alter([{ ...good, configOperation: 9 }], false), errorCodes.INVALID_REQUEST],
      ['a topic that is not there', () => this.#alter([good], false, 'nobody'), errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ];
    const [what, ask, code] = random.pick(wrong);
    const errorCode = await ask();
    this.trace(`${what}: ${errorCode}`);
    if (!passes(what, errorCode, [code])) expect(errorCode === code, `changing '${this.#target.topic}' by ${what} was answered ${errorCode}`);
  }

  /** What the settings do: batches that are too large are refused, and the time is the producer's or the node's. */
  async #produce(): Promise<void> {
    await this.stage.client.connect();
    const limit = this.#inForce('max.message.bytes', '1048588');
    const times = this.#inForce('message.timestamp.type', 'CreateTime');
    const value = `${this.name}/${this.#sent++}/${'='.repeat(this.stage.random.pick([0, 1000]))}`;
    const bytes = buildBatch([{ timestampMs: this.nowMs(), key: null, value }]);
    const { history } = this.#target;
    history.sending(value, `${this.name}#${this.#sent}`, 0, false);
    const { errorCode, baseOffset, logAppendTimeMs } = await this.produce(this.#target, bytes, -1);
    this.trace(`${bytes.length} bytes: ${errorCode} at ${baseOffset}, time ${logAppendTimeMs}`);
    if (passes('Produce', errorCode, [errorCodes.MESSAGE_TOO_LARGE])) return;
    if (limit !== null) expect((errorCode === errorCodes.MESSAGE_TOO_LARGE) === bytes.length > Number(limit), `${bytes.length} bytes were answered ${errorCode}, at most ${limit} are taken`);
    if (errorCode !== 0) return;
    history.acked(value, baseOffset);
    if (times !== null) expect(logAppendTimeMs >= 0 === (times === 'LogAppendTime'), `with ${times} an append was answered the time ${logAppendTimeMs}`);
  }

  /** Null while it is open. */
  #inForce(key: string, fallback: string): string | null {
    const setting = this.#settings.get(key)!;
    return setting.kind === 'known' ? setting.value ?? fallback : null;
  }

  #known(key: string): string | null {
    const setting = this.#settings.get(key)!;
    return setting.kind === 'known' ? setting.value : null;
  }

  async #alter(configs: { name: string; configOperation: number; value: string | null }[], validateOnly: boolean, topic = this.#target.topic): Promise<number> {
    const answer = await this.stage.client.call(IncrementalAlterConfigs, 1, { resources: [{ ...this.#resource(configs), resourceName: topic }], validateOnly });
    return answer.responses[0]!.errorCode;
  }

  #resource<T>(configs: T[]): { resourceType: number; resourceName: string; configs: T[] } {
    return { resourceType: topicResource, resourceName: this.#target.topic, configs };
  }
}
