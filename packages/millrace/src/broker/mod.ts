// broker/mod.ts - the door of floor 3: one node's broker over a log.
export { Broker, type BrokerOptions, type ListenOptions } from './broker.ts';
export type { BearerOptions, SaslOptions, SecurityProtocol } from './security/options.ts';
export { isLoopback } from './security/exposure.ts';
export { scramIterations, type ScramChange, type ScramOutcome } from './security/scram-users.ts';
export type { ListenerInfo } from './handlers.ts';
export { nodeDefinitions } from './config/node-definitions.ts';
export { topicDefinitions } from './config/topic-definitions.ts';
export type { ConfigDefinition, ConfigKind } from './config/definition.ts';
