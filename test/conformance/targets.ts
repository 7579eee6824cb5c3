// test/conformance/targets.ts - the brokers as the cases want them.
// Owns: the few settings of Apache Kafka that make it quick enough to be waited for. Never: settings that change what clients see.

import { smallJvm, startKafka } from '../peers/kafka.ts';
import { startMillrace } from '../peers/millrace.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';

const rulesForAll = { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS' };

/** Starts a broker for the cases. `withRules`: it keeps access rules, and its clients, who say no name, may do everything all the same. */
export const startTarget = (target: BrokerKind, withRules = false): Promise<Broker> => {
  if (target === 'kafka') return kafkaForCases(withRules ? rulesForAll : {});
  return startMillrace({ flags: withRules ? Object.entries(rulesForAll).flatMap(([key, value]) => ['--set', `${key}=${value}`]) : [] });
};

/** Apache Kafka for the cases: a small JVM, groups that form at once, a broker that is back soon after a kill. */
export const kafkaForCases = (more: Readonly<Record<string, string>> = {}): Promise<Broker> => startKafka({
  jvm: smallJvm,
  properties: {
    'group.initial.rebalance.delay.ms': 0,
    // Fifty partitions take a second to create; nothing depends on their number.
    'offsets.topic.num.partitions': 4, 'transaction.state.log.num.partitions': 4, 'share.coordinator.state.topic.num.partitions': 4,
    // After kill -9 the controller waits for this long before it lets the broker in again.
    'broker.session.timeout.ms': 1500, 'broker.heartbeat.interval.ms': 300,
    ...more,
  },
});
