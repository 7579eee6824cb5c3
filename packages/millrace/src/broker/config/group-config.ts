// broker/config/group-config.ts - the configuration of single groups, over the node's.
// Owns: what was altered, by group, kept under 'config/group/<group>' of the metadata partition. Never: requests (admin/), what a group does with it.
// C4 A value in force lies within the node's bounds: one that was fine when it was set, and is not any more, counts as the bound.
import { assert, MillraceError, type Report } from '../../base/mod.ts';
import type { KeyedLog } from '../keyed-log.ts';
import { checkConfigValue, configNumber } from './definition.ts';
import { groupDefinitions, type GroupConfigDefinition } from './group-definitions.ts';
import type { ConfigValue, NodeConfig } from './node-config.ts';

const keyPrefix = 'config/group/';
const noValues: ReadonlyMap<string, string> = new Map();

/** The configuration of all groups. */
export class GroupConfigs {
  readonly #metadata: KeyedLog;
  readonly #node: NodeConfig;
  readonly #values = new Map<string, ReadonlyMap<string, string>>();

  /** Reads back what was altered; values that this version does not know are left out, with a line in the report. */
  constructor(metadata: KeyedLog, node: NodeConfig, report: Report) {
    this.#metadata = metadata;
    this.#node = node;
    for (const [key, text] of metadata.values) if (key.startsWith(keyPrefix)) this.#load(key.slice(keyPrefix.length), text, report);
  }

  /** Groups that have configuration of their own. */
  get groups(): Iterable<string> { return this.#values.keys(); }

  /** The group's own values. */
  values(group: string): ReadonlyMap<string, string> {
    return this.#values.get(group) ?? noValues;
  }

  /** All levels that set the key, strongest first: the group, then the node's levels under the node's name. */
  levels(group: string, name: string): ConfigValue[] {
    const own = this.values(group).get(name);
    const below = this.#node.levels(definitionOf(name).nodeName);
    return own === undefined ? below : [{ name, text: own, source: 'group' }, ...below];
  }

  /** Number in force (C4). */
  number(group: string, name: string): number {
    const definition = definitionOf(name);
    const own = this.#values.get(group)?.get(name);
    if (own === undefined) return this.#node.number(definition.nodeName);
    return Math.max(this.#node.number(definition.minName), Math.min(this.#node.number(definition.maxName), configNumber(own)));
  }

  /** Throws 'invalid-argument' for values that are out of the node's bounds, or do not go together. They have passed their own checks. */
  check(values: ReadonlyMap<string, string>): void {
    const inForce = (name: string) => configNumber(values.get(name) ?? this.#node.text(definitionOf(name).nodeName)!);
    for (const name of values.keys()) {
      const { minName, maxName } = definitionOf(name);
      refuse(inForce(name) < this.#node.number(minName), `${name} must be greater than or equal to ${minName}`);
      refuse(inForce(name) > this.#node.number(maxName), `${name} must be less than or equal to ${maxName}`);
    }
    refuse(inForce('consumer.session.timeout.ms') <= inForce('consumer.heartbeat.interval.ms'), 'consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms');
  }

  /** Keeps a group's values in place of those before; resolves once that is durable. */
  async keep(group: string, values: ReadonlyMap<string, string>): Promise<void> {
    const value = values.size === 0 ? null : JSON.stringify({ version: 1, values: Object.fromEntries(values) });
    await this.#metadata.write([{ key: keyPrefix + group, value }]);
    if (value === null) this.#values.delete(group);
    else this.#values.set(group, values);
  }

  #load(group: string, text: string, report: Report): void {
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries((JSON.parse(text) as { values: Record<string, string> }).values)) {
      const definition = groupDefinitions.get(name);
      if (definition === undefined || !isValid(definition, value)) report(`configuration ${name}=${value} of group ${group} is not known to this version: ignored`, 'warn');
      else values.set(name, value);
    }
    if (values.size > 0) this.#values.set(group, values);
  }
}

function definitionOf(name: string): GroupConfigDefinition {
  const definition = groupDefinitions.get(name);
  assert(definition !== undefined, `'${name}' is a group's configuration`);
  return definition;
}

function isValid(definition: GroupConfigDefinition, text: string): boolean {
  try {
    checkConfigValue(definition, text);
    return true;
  } catch {
    return false;
  }
}

function refuse(wrong: boolean, why: string): void {
  if (wrong) throw new MillraceError('invalid-argument', why);
}
