// broker/config/group-configs.ts - the configuration of single groups: what was altered, by group.
// Owns: their values in memory and on record. Never: which keys there are (group-definitions.ts).
// Records: one per group under the key 'config/group/<name>' of the metadata partition. A group need not be there to be configured.
import { limits, MillraceError, type Report } from '../../base/mod.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { checkConfigValue, configBoolean } from './definition.ts';
import { groupDefinitions, groupNumber } from './group-definitions.ts';
import type { NodeConfig } from './node-config.ts';

const keyPrefix = 'config/group/';
const nothing: ReadonlyMap<string, string> = new Map();

/** What groups were told. */
export class GroupConfigs {
  readonly #metadata: KeyedLog;
  readonly #node: NodeConfig;
  readonly #byGroup = new Map<string, ReadonlyMap<string, string>>();
  readonly #listeners: ((group: string) => void)[] = [];

  /** Brings back what was altered in an earlier life of the node. */
  constructor(metadata: KeyedLog, node: NodeConfig, report: Report) {
    this.#metadata = metadata;
    this.#node = node;
    for (const [key, text] of metadata.values) {
      if (!key.startsWith(keyPrefix)) continue;
      const values = new Map(Object.entries((JSON.parse(text) as { values: Record<string, string> }).values));
      for (const [name, value] of values) {
        if (isKnown(name, value)) continue;
        values.delete(name);
        report(`configuration ${name}=${value} of group ${key.slice(keyPrefix.length)} is not known to this version: ignored`, 'warn');
      }
      this.#byGroup.set(key.slice(keyPrefix.length), values);
    }
  }

  /** Groups that were told something. */
  get groups(): Iterable<string> { return this.#byGroup.keys(); }
  /** What a group was told. */
  values(group: string): ReadonlyMap<string, string> { return this.#byGroup.get(group) ?? nothing; }

  /** Number in force. */
  number(group: string, name: string): number {
    return groupNumber(name, this.values(group).get(name) ?? null, this.#node);
  }

  /** Text in force. */
  text(group: string, name: string): string {
    return this.values(group).get(name) ?? groupDefinitions.get(name)!.defaultText ?? '';
  }

  /** Boolean in force. */
  boolean(group: string, name: string): boolean {
    return configBoolean(this.text(group, name));
  }

  /** Replaces what a group was told; the values have been checked. Rejects 'overloaded' past limits.share.groupConfigsMax, or what the log says. */
  async keep(group: string, values: ReadonlyMap<string, string>): Promise<void> {
    if (values.size > 0 && !this.#byGroup.has(group) && this.#byGroup.size >= limits.share.groupConfigsMax) {
      throw new MillraceError('overloaded', `Cannot configure group '${group}': ${limits.share.groupConfigsMax} groups are configured already`, { group });
    }
    const text = values.size === 0 ? null : JSON.stringify({ version: 1, values: Object.fromEntries(values) });
    await this.#metadata.write([{ key: keyPrefix + group, value: text }]);
    if (values.size === 0) this.#byGroup.delete(group);
    else this.#byGroup.set(group, new Map(values));
    for (const listener of this.#listeners) listener(group);
  }

  /** Calls back whenever a group was told something else. */
  onChange(listener: (group: string) => void): void { this.#listeners.push(listener); }
}

function isKnown(name: string, value: string): boolean {
  const definition = groupDefinitions.get(name);
  if (definition === undefined) return false;
  try {
    checkConfigValue(definition, value);
    return true;
  } catch {
    return false;
  }
}
