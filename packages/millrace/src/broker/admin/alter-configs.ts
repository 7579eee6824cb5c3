// broker/admin/alter-configs.ts - AlterConfigs (replaces everything) and IncrementalAlterConfigs (single keys).
// Owns: the operations set, delete, append, subtract; checks; where the result is kept. A resource changes wholly or not at all.
// Records: a topic's values in its own record; a group's under 'config/group/<group>' (config/group-configs.ts); the node's under 'config/node' and 'config/all-nodes' of the metadata partition.
import { isMillraceError, type Report } from '../../base/mod.ts';
import { AlterConfigs, errorCodes, IncrementalAlterConfigs } from '../../wire/mod.ts';
import { checkConfigValue, shownConfigValue, type ConfigDefinition } from '../config/definition.ts';
import { checkGroupConfig, groupDefinitions } from '../config/group-definitions.ts';
import { nodeDefinitionOf } from '../config/node-definitions.ts';
import { importDone, schemasOf } from '../config/topic-config.ts';
import { topicDefinitions } from '../config/topic-definitions.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { checkLags, checkTogether } from '../config/topic-config.ts';
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
  /** What a list is when the target has none of its own: append and subtract start from it. */
  inherited(name: string): string;
  mayAlter(definition: ConfigDefinition): boolean;
  /** Throws 'invalid-argument' for values that do not go together. */
  check(values: ReadonlyMap<string, string>): void;
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
  if (resourceType === configResource.group) return groupTarget(services, name);
  throw new Refusal(errorCodes.INVALID_REQUEST, `Resource type ${resourceType} has no configuration here`);
}

function topicTarget(services: Services, name: string): Target {
  const topic = services.topics.byName(name);
  if (topic === undefined) throw new Refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`);
  return {
    definitions: topicDefinitions,
    values: topic.config,
    inherited: (key) => inherited(services.config, topicDefinitions.get(key)!),
    mayAlter: () => true,
    check: (values) => checkTogether(values, services.config),
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

function groupTarget({ groupConfigs, config }: Services, name: string): Target {
  if (name === '') throw new Refusal(errorCodes.INVALID_REQUEST, 'Default group resources are not allowed.');
  return {
    definitions: groupDefinitions,
    values: groupConfigs.values(name),
    inherited: (key) => inherited(config, groupDefinitions.get(key)!),
    mayAlter: () => true,
    check: (values) => checkGroupConfig(values, config),
    keep: (values) => groupConfigs.keep(name, values),
  };
}

/** As given at the node's start, or the default; what was altered since does not count, as in Kafka. */
function inherited(config: NodeConfig, definition: ConfigDefinition): string {
  return (definition.nodeName === undefined ? null : config.given(definition.nodeName)) ?? definition.defaultText ?? '';
}

function brokerTarget(services: Services, name: string): Target {
  if (name !== '' && name !== String(services.nodeId)) {
    throw new Refusal(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${services.nodeId} or empty string, but received ${name}`);
  }
  const level = name === '' ? 'all-nodes' : 'node';
  return {
    definitions: { get: nodeDefinitionOf },
    values: services.config.altered(level),
    inherited: (key) => services.config.given(key) ?? '',
    mayAlter: (definition) => definition.dynamic === true,
    check(values) {
      const text = (key: string): string => values.get(key) ?? services.config.levels(key).find(({ source }) => source !== level)?.text ?? '';
      const [min, max] = ['log.cleaner.min.compaction.lag.ms', 'log.cleaner.max.compaction.lag.ms'] as const;
      checkLags(min, text(min), max, text(max));
    },
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
  refusing(() => target.check(values));
  const refusal = await target.refusalOf?.(values) ?? null;
  if (refusal !== null) throw new Refusal(errorCodes.INVALID_CONFIG, refusal);
  if (!validateOnly) await target.keep(values);
}

function apply(target: Target, values: Map<string, string>, { name, operation, value }: Change): void {
  const definition = target.definitions.get(name);
  if ((operation === 'append' || operation === 'subtract') && definition?.kind !== 'list' && value !== null) {
    throw new Refusal(errorCodes.INVALID_CONFIG, `Can't ${operation.toUpperCase()} to key ${name} because its type is not LIST.`);
  }
  if (definition === undefined) throw new Refusal(errorCodes.INVALID_CONFIG, `Unknown config name: ${name}`);
  if (!target.mayAlter(definition)) throw new Refusal(errorCodes.INVALID_REQUEST, `Cannot update these configs dynamically: ${name}`);
  if (operation === 'delete') { values.delete(name); return; }
  if (value === null) throw new Refusal(errorCodes.INVALID_REQUEST, `Null value not supported for : ${name}`);
  const text = operation === 'set' ? value : merged(target, definition, values, operation, value);
  refusing(() => checkConfigValue(definition, text));
  values.set(name, text);
}

/** A value that may not be is the request's fault. */
function refusing(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!isMillraceError(error, 'invalid-argument')) throw error;
    throw new Refusal(errorCodes.INVALID_CONFIG, error.message);
  }
}

/** Elements appended to, or subtracted from, a list. */
function merged(target: Target, definition: ConfigDefinition, values: ReadonlyMap<string, string>, operation: 'append' | 'subtract', value: string): string {
  const elements = (values.get(definition.name) ?? target.inherited(definition.name)).split(',').filter((element) => element !== '');
  for (const each of value.split(',')) {
    const at = elements.indexOf(each);
    if (operation === 'append' && at < 0) elements.push(each);
    if (operation === 'subtract' && at >= 0) elements.splice(at, 1);
  }
  return elements.join(',');
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
