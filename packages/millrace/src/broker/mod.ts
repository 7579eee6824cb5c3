// broker/mod.ts - the door of floor 3: one node's broker over a log.
export { Broker, type BrokerOptions, type ListenOptions } from './broker.ts';
export type { ListenerInfo } from './handlers.ts';
export { nodeDefinitions } from './config/node-definitions.ts';
export { topicDefinitions } from './config/topic-definitions.ts';
export type { TopicSchemas, Validator } from './produce/validator.ts';
export { releases, type FaultKind, type FaultPlan, type FaultReport, type FaultRule, type RuleReport, type WorldCommand, type WorldOptions } from './world/mod.ts';
export type { ConfigDefinition, ConfigKind } from './config/definition.ts';
