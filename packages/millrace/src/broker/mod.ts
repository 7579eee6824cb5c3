// broker/mod.ts - the door of floor 3: one node's broker over a log.
export { Broker, openUsers, type BrokerOptions, type ListenOptions } from './broker.ts';
export type { BearerOptions, SaslOptions, SecurityProtocol } from './security/options.ts';
export type { ScramChange, ScramOutcome, ScramUsers } from './security/scram-users.ts';
export type { ListenerInfo } from './handlers.ts';
export { stateName, type Group } from './group/mod.ts';
export type { ApiFigures } from './metrics/request-metrics.ts';
export { findLagTimes, placesOf, type GroupPlace } from './metrics/group-lag.ts';
export type { Topic, TopicPartition } from './topics/topic.ts';
export { nodeDefinitions } from './config/node-definitions.ts';
export { topicDefinitions } from './config/topic-definitions.ts';
export type { TopicSchemas, Validator } from './produce/validator.ts';
export { releases, type FaultKind, type FaultPlan, type FaultReport, type FaultRule, type RuleReport, type WorldCommand, type WorldOptions } from './world/mod.ts';
export type { ConfigDefinition, ConfigKind } from './config/definition.ts';
