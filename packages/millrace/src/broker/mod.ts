// broker/mod.ts - the door of floor 3: one node's broker over a log.
export { Broker, openUsers, type BrokerOptions, type ListenOptions } from './broker.ts';
export type { BearerOptions, SaslOptions, SecurityProtocol } from './security/options.ts';
export { isLoopback } from './security/exposure.ts';
export type { ScramChange, ScramOutcome, ScramUsers } from './security/scram-users.ts';
export type { ListenerInfo } from './handlers.ts';
export { nodeDefinitions } from './config/node-definitions.ts';
export { topicDefinitions } from './config/topic-definitions.ts';
export type { ConfigDefinition, ConfigKind } from './config/definition.ts';
