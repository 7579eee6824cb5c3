// broker/admin/describe-configs.ts - DescribeConfigs: every key of a topic, of a group or of the node, its value, and where that comes from.
import { DescribeConfigs, errorCodes, type RequestOf, type ResponseInit } from '../../wire/mod.ts';
import type { ConfigDefinition } from '../config/definition.ts';
import type { ConfigValue } from '../config/node-config.ts';
import { groupDefinitions } from '../config/group-definitions.ts';
import { nodeDefinitionOf, nodeDefinitions } from '../config/node-definitions.ts';
import { topicConfigLevels } from '../config/topic-config.ts';
import { topicDefinitions } from '../config/topic-definitions.ts';
import type { Handler } from '../handlers.ts';
import type { Services } from '../services.ts';
import { topicNameFault } from '../topics/topic-name.ts';
import { configKindNumber, configResource, configSourceNumber } from './config-sources.ts';

type Resource = RequestOf<typeof DescribeConfigs>['resources'][number];
type Answer = NonNullable<ResponseInit<typeof DescribeConfigs>['results']>[number];

/** What a key's row needs. */
interface Row { readonly definition: ConfigDefinition; readonly levels: readonly ConfigValue[]; readonly readOnly: boolean }

/** The handler of DescribeConfigs. */
export function describeConfigsHandler(services: Services): Handler<typeof DescribeConfigs> {
  return (request, context) => context.reply({
    results: request.resources.map((resource) => {
      const { resourceType, resourceName } = resource;
      const found = rowsOf(services, resource);
      if (found.kind === 'refused') return { errorCode: found.errorCode, errorMessage: found.message, resourceType, resourceName, configs: [] };
      const keys = resource.configurationKeys === null || resource.configurationKeys.length === 0 ? null : new Set(resource.configurationKeys);
      const rows = found.rows.filter(({ definition }) => keys === null || keys.has(definition.name));
      return {
        errorCode: errorCodes.NONE, errorMessage: null, resourceType, resourceName,
        configs: rows.map((row) => describe(row, request.includeSynonyms, request.includeDocumentation)),
      };
    }),
  });
}

type Found = { readonly kind: 'rows'; readonly rows: readonly Row[] } | { readonly kind: 'refused'; readonly errorCode: number; readonly message: string };
const refused = (errorCode: number, message: string): Found => ({ kind: 'refused', errorCode, message });

function rowsOf(services: Services, { resourceType, resourceName }: Resource): Found {
  if (resourceType === configResource.topic) return topicRows(services, resourceName);
  if (resourceType === configResource.broker) return brokerRows(services, resourceName);
  if (resourceType === configResource.group) return groupRows(services, resourceName);
  return refused(errorCodes.INVALID_REQUEST, `Resource type ${resourceType} has no configuration here`);
}

function topicRows(services: Services, name: string): Found {
  const topic = services.topics.byName(name);
  if (topic === undefined) {
    const fault = topicNameFault(name);
    return fault === null
      ? refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`)
      : refused(errorCodes.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${fault}`);
  }
  const rows = [...topicDefinitions.values()].map((definition) => ({ definition, levels: topicConfigLevels(topic.config, services.config, definition.name), readOnly: false }));
  return { kind: 'rows', rows };
}

function brokerRows(services: Services, name: string): Found {
  if (name === '') {
    const altered = services.config.altered('all-nodes');
    const rows = [...altered].map(([key, text]) => ({ definition: nodeDefinitionOf(key)!, levels: [{ name: key, text, source: 'all-nodes' as const }], readOnly: false }));
    return { kind: 'rows', rows };
  }
  if (name !== String(services.nodeId)) return refused(errorCodes.INVALID_REQUEST, `Unexpected broker id, expected ${services.nodeId} or empty string, but received ${name}`);
  const definitions = [...nodeDefinitions.values(), ...services.config.listenerNames.map((key) => nodeDefinitionOf(key)!)];
  const rows = definitions.map((definition) => ({ definition, levels: services.config.levels(definition.name), readOnly: definition.dynamic !== true }));
  return { kind: 'rows', rows };
}

function groupRows({ groupConfigs, config }: Services, name: string): Found {
  if (name === '') return refused(errorCodes.INVALID_REQUEST, 'Group name must not be empty');
  const own = groupConfigs.values(name);
  const rows = [...groupDefinitions.values()].map((definition): Row => {
    const text = own.get(definition.name);
    const below: ConfigValue[] = definition.nodeName === undefined ? [{ name: definition.name, text: definition.defaultText, source: 'default' }] : config.levels(definition.nodeName);
    return { definition, levels: text === undefined ? below : [{ name: definition.name, text, source: 'group' }, ...below], readOnly: false };
  });
  return { kind: 'rows', rows };
}

function describe({ definition, levels, readOnly }: Row, withSynonyms: boolean, withDocumentation: boolean): NonNullable<Answer['configs']>[number] {
  const inForce = levels[0];
  const isSensitive = definition.kind === 'password';
  return {
    name: definition.name,
    value: isSensitive ? null : inForce?.text ?? null,
    readOnly,
    configSource: configSourceNumber(inForce?.source ?? 'default'),
    isSensitive,
    synonyms: withSynonyms ? levels.map(({ name, text, source }) => ({ name, value: isSensitive ? null : text, source: configSourceNumber(source) })) : [],
    configType: configKindNumber(definition.kind),
    documentation: withDocumentation ? definition.documentation : null,
  };
}
