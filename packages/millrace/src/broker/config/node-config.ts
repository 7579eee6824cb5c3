// broker/config/node-config.ts - the node's configuration in force: what was given at start, over it what was altered since.
// Owns: lookup by level. Never: where altered values are kept (topics/ records them).
// C2 A value in force has passed its definition's check. C3 Order of levels: dynamic for this node, dynamic for all nodes, static, default.
import { assert, MillraceError } from '../../base/mod.ts';
import { withoutAliases } from './aliases.ts';
import { checkConfigValue, configBoolean, configNumber } from './definition.ts';
import { nodeDefinitionOf } from './node-definitions.ts';

/** Where a value in force comes from, strongest first; Kafka's numbers are in describe-configs.ts. */
export type ConfigSource = 'topic' | 'group' | 'node' | 'all-nodes' | 'static' | 'default';

/** One value with its origin. */
export interface ConfigValue { readonly name: string; readonly text: string | null; readonly source: ConfigSource }

/** The configuration of one node. */
export class NodeConfig {
  readonly #given: ReadonlyMap<string, string>;
  /** Altered for this node, and for all nodes (Kafka's default broker resource, named ''). */
  readonly #altered = { node: new Map<string, string>(), 'all-nodes': new Map<string, string>() };
  readonly #listeners: (() => void)[] = [];
  /** Values in force, parsed at first use. */
  readonly #numbers = new Map<string, number>();

  /** Throws 'invalid-argument' for an unknown key or a bad value. */
  constructor(options: Readonly<Record<string, string>> = {}) {
    const given = withoutAliases(options);
    for (const [name, text] of Object.entries(given)) {
      const definition = nodeDefinitionOf(name);
      if (!definition) throw new MillraceError('invalid-argument', `Cannot set '${name}': no such node configuration`, { name });
      checkConfigValue(definition, text);
    }
    this.#given = new Map(Object.entries(given));
  }

  /** All levels that set the key, strongest first, ending with the default. */
  levels(name: string): ConfigValue[] {
    const found: ConfigValue[] = [];
    const definition = nodeDefinitionOf(name);
    const add = (source: ConfigSource, text: string | null | undefined) => { if (text !== undefined && text !== null) found.push({ name, text, source }); };
    add('node', this.#altered.node.get(name));
    add('all-nodes', this.#altered['all-nodes'].get(name));
    add('static', this.#given.get(name));
    add('default', definition?.defaultText);
    return found;
  }

  /** Text in force; null when unset. */
  text(name: string): string | null {
    assert(nodeDefinitionOf(name) !== undefined, `C2: '${name}' is a node configuration`);
    return this.levels(name)[0]?.text ?? null;
  }

  /** Text as given at the start, else the default; null when there is neither. */
  given(name: string): string | null {
    return this.#given.get(name) ?? nodeDefinitionOf(name)?.defaultText ?? null;
  }

  /** Number in force; remembered, so fit for a hot path. */
  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const text = this.text(name);
    assert(text !== null, `C2: '${name}' has a value`);
    const value = configNumber(text);
    this.#numbers.set(name, value);
    return value;
  }

  /** Boolean in force. */
  boolean(name: string): boolean {
    return configBoolean(this.text(name) ?? 'false');
  }

  /** Names that are set for single listeners. */
  get listenerNames(): string[] {
    const all = new Set([...this.#altered.node.keys(), ...this.#altered['all-nodes'].keys(), ...this.#given.keys()]);
    return [...all].filter((name) => name.startsWith('listener.name.')).sort();
  }

  /** Altered values of one level. */
  altered(level: 'node' | 'all-nodes'): ReadonlyMap<string, string> {
    return this.#altered[level];
  }

  /** Replaces the altered values of one level (already checked and recorded) and tells the listeners. */
  setAltered(level: 'node' | 'all-nodes', values: ReadonlyMap<string, string>): void {
    this.#altered[level] = new Map(values);
    this.#numbers.clear();
    for (const listener of this.#listeners) listener();
  }

  /** Calls back whenever an altered value changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
