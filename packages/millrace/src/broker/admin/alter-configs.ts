// broker/admin/alter-configs.ts - AlterConfigs (replaces everything) and IncrementalAlterConfigs (single keys).
// Owns: the operations set, delete, append, subtract; checks; where the result is kept. A resource changes wholly or not at all.
// Records: a topic's values in its own record; the node's under 'config/node' and 'config/all-nodes' of the metadata partition.
import { isMillraceError, type Report } from '../../base/mod.ts';
import { AlterConfigs, errorCodes, IncrementalAlterConfigs } from '../../wire/mod.ts';
import { checkConfigValue, configList, shownConfigValue, type ConfigDefinition } from '../config/definition.ts';
import { nodeDefinitionOf } from '../config/node-definitions.ts';
import { importDone, schemasOf } from '../config/topic-config.ts';
import { topicDefinitions } from '../config/topic-definitions.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { Handler } from '../handlers.ts';
import type { KeyedLog } from '../keyed-log.ts';
import type { Services } from '../services.ts';
import { storageErrorCode } from '../storage-errors.ts';
import { TopicRefused } from '../topics/topics.ts';
import { configResource } from './config-sources.ts';

/** One change of one key. */
interface Change { readonly name: string; readonly operation: 'set' | 'delete' | 'append' | 'subtract'; readonly value: string | null }

/** What may be altered: its keys, its present values, and how to keep new ones. */
interface Target {
  readonly definitions: { get(name: string): ConfigDefinition | undefined };
  readonly values: ReadonlyMap<string, string>;
  /** Value in force of a key, own or inherited: what append and subtract start from. */
  inForce(name: string): string;
  mayAlter(definition: ConfigDefinition): boolean;
  keep(values: ReadonlyMap<string, string>): Promise<void>;
  /** Why all of it together cannot be; null when it can. */
  refusalOf?(values: ReadonlyMap<string, string>): Promise<string | null>;
}

/** Why nothing was altered. */
class Refusal extends Error {
  readonly errorCode: number;
  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}

const operations = ['set', 'delete', 'append', 'subtract'] as const;
const keyPrefix = 'config/';
const importKey = 'millrace.import.from';

/** Brings back what was altered in an earlier life of the node. */
export function loadAlteredConfig(metadata: KeyedLog, config: NodeConfig, report: Report): void {
  for (const level of ['node', 'all-nodes'] as const) {
    const text = metadata.values.get(keyPrefix + level);
    if (text === undefined) continue;
    const values = new Map(Object.entries((JSON.parse(text) as { values: Record<string, string> }).values));
    for (const [name, value] of values) {
      const definition = nodeDefinitionOf(name);
      if (definition !== undefined && isValid(definition, value)) continue;
      values.delete(name);
      report(`configuration ${name}=${definition === undefined ? '...' : shownConfigValue(definition, value)} is not known to this version: ignored`, 'warn');
    }
    config.setAltered(level, values);
  }
}

/** The handler of IncrementalAlterConfigs. */
export function incrementalAlterConfigsHandler(services: Services): Handler<typeof IncrementalAlterConfigs> {
  return (request, context) => {
    const once = namedOnce(request.resources);
    Promise.all(request.resources.map(({ resourceType, resourceName, configs }) => answer(resourceType, resourceName, async () => {
      if (!once(resourceType, resourceName)) throw new Refusal(errorCodes.INVALID_REQUEST, 'the request names the resource more than once');
      const changes = configs.map(({ name, configOperation, value }): Change => {
        const operation = operations[configOperation];
        if (operation === undefined) throw new Refusal(errorCodes.INVALID_REQUEST, `Unknown operation type ${configOperation} for config ${name}`);
        return { name, operation, value };
      });
      await alter(targetOf(services, resourceType, resourceName), changes, false, request.validateOnly);
    }))).then((responses) => context.reply({ responses }));
  };
}

/** The handler of AlterConfigs. */
export function alterConfigsHandler(services: Services): Handler<typeof AlterConfigs> {
  return (request, context) => {
    const once = namedOnce(request.resources);
    Promise.all(request.resources.map(({ resourceType, resourceName, configs }) => answer(resourceType, resourceName, async () => {
      if (!once(resourceType, resourceName)) throw new Refusal(errorCodes.INVALID_REQUEST, 'the request names the resource more than once');
      const changes = configs.map(({ name, value }): Change => ({ name, operation: 'set', value }));
      await alter(targetOf(services, resourceType, resourceName), changes, true, request.validateOnly);
    }))).then((responses) => context.reply({ responses }));
  };
}

interface Answer { errorCode: number; errorMessage: string | null; resourceType: number; resourceName: string }

async function answer(resourceType: number, resourceName: string, act: () => Promise<void>): Promise<Answer> {
  try {
    await act();
    return { errorCode: errorCodes.NONE, errorMessage: null, resourceType, resourceName };
  } catch (error) {
    return { ...refusalOf(error), resourceType, resourceName };
  }
}

function refusalOf(error: unknown): { errorCode: number; errorMessage: string } {
  if (error instanceof Refusal) return { errorCode: error.errorCode, errorMessage: error.message };
  if (error instanceof TopicRefused) return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: 'the topic was deleted meanwhile' };
  return { errorCode: storageErrorCode(error), errorMessage: (error as Error).message };
}

function targetOf(services: Services, resourceType: number, name: string): Target {
  if (resourceType === configResource.topic) return topicTarget(services, name);
  if (resourceType === configResource.broker) return brokerTarget(services, name);
  throw new Refusal(errorCodes.INVALID_REQUEST, `Resource type ${resourceType} has no configuration here`);
}

function topicTarget(services: Services, name: string): Target {
  const topic = services.topics.byName(name);
  if (topic === undefined) throw new Refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`);
  return {
    definitions: topicDefinitions,
    values: topic.config,
    inForce: (key) => topic.config.get(key) ?? inherited(services.config, topicDefinitions.get(key)!),
    mayAlter: () => true,
    keep: (values) => services.topics.configure(name, values),
    refusalOf: async (values) => importRefusal(topic.config.get(importKey) ?? '', values.get(importKey) ?? '') ?? await schemaRefusal(services, values),
  };
}

/** A topic that producers may write to never becomes one that is imported; one that was imported may keep the mark. */
function importRefusal(before: string, after: string): string | null {
  return after === '' || after === before || after === importDone + before ? null : `${importKey} can only be set when a topic is created`;
}

async function schemaRefusal(services: Services, values: ReadonlyMap<string, string>): Promise<string | null> {
  const schemas = schemasOf(values.get('millrace.key.schema'), values.get('millrace.value.schema'));
  if (schemas === null) return null;
  return await services.validator.check(schemas).then(() => null, (error: unknown) => { if (isMillraceError(error, 'invalid-argument')) return error.message; throw error; });
}

function inherited(config: NodeConfig, definition: ConfigDefinition): string {
  return (definition.nodeName === undefined ? null : config.text(definition.nodeName)) ?? definition.defaultText ?? '';
}

function brokerTarget(services: Services, name: string): Target {
  if (name !== '' && name !== String(services.nodeId)) {
    throw new Refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${services.nodeId} or empty string, but received ${name}`);
  }
  const level = name === '' ? 'all-nodes' : 'node';
  return {
    definitions: { get: nodeDefinitionOf },
    values: services.config.altered(level),
    inForce: (key) => services.config.text(key) ?? '',
    mayAlter: (definition) => definition.dynamic === true,
    async keep(values) {
      await services.metadata.write([{ key: keyPrefix + level, value: JSON.stringify({ version: 1, values: Object.fromEntries(values) }) }]);
      services.config.setAltered(level, values);
    },
  };
}

async function alter(target: Target, changes: readonly Change[], replace: boolean, validateOnly: boolean): Promise<void> {
  const values = new Map(replace ? [] : target.values);
  const seen = new Set<string>();
  for (const change of changes) {
    if (seen.has(change.name)) throw new Refusal(errorCodes.INVALID_REQUEST, `Error due to duplicate config keys: ${change.name}`);
    seen.add(change.name);
    apply(target, values, change);
  }
  const refusal = await target.refusalOf?.(values) ?? null;
  if (refusal !== null) throw new Refusal(errorCodes.INVALID_CONFIG, refusal);
  if (!validateOnly) await target.keep(values);
}

function apply(target: Target, values: Map<string, string>, { name, operation, value }: Change): void {
  const definition = target.definitions.get(name);
  if (definition === undefined) throw new Refusal(errorCodes.INVALID_CONFIG, `Unknown config name: ${name}`);
  if (!target.mayAlter(definition)) throw new Refusal(errorCodes.INVALID_REQUEST, `Cannot update these configs dynamically: ${name}`);
  if (operation === 'delete') { values.delete(name); return; }
  if (value === null) throw new Refusal(errorCodes.INVALID_REQUEST, `Null value not supported for : ${name}`);
  const text = operation === 'set' ? value : merged(target, definition, values, operation, value);
  try {
    checkConfigValue(definition, text);
  } catch (error) {
    if (!isMillraceError(error, 'invalid-argument')) throw error;
    throw new Refusal(errorCodes.INVALID_CONFIG, error.message);
  }
  values.set(name, text);
}

/** Elements appended to, or subtracted from, a list. */
function merged(target: Target, definition: ConfigDefinition, values: ReadonlyMap<string, string>, operation: 'append' | 'subtract', value: string): string {
  if (definition.kind !== 'list') throw new Refusal(errorCodes.INVALID_CONFIG, `Config value append is not allowed for config key: ${definition.name}`);
  const before = configList(values.get(definition.name) ?? target.inForce(definition.name));
  const given = configList(value);
  const after = operation === 'append' ? [...before, ...given.filter((element) => !before.includes(element))] : before.filter((element) => !given.includes(element));
  return after.join(',');
}

function isValid(definition: ConfigDefinition, value: string): boolean {
  try {
    checkConfigValue(definition, value);
    return true;
  } catch {
    return false;
  }
}

function namedOnce(resources: readonly { readonly resourceType: number; readonly resourceName: string }[]): (type: number, name: string) => boolean {
  const counts = new Map<string, number>();
  const key = (type: number, name: string) => `${type}/${name}`;
  for (const { resourceType, resourceName } of resources) counts.set(key(resourceType, resourceName), (counts.get(key(resourceType, resourceName)) ?? 0) + 1);
  return (type, name) => counts.get(key(type, name)) === 1;
}
