// broker/group/consumer/settings.ts - the node's configuration for consumer groups, as the core reads it.
// Owns: that translation, and which values go together. Never: single values (config/).
import { MillraceError } from '../../../base/mod.ts';
import { configList } from '../../config/definition.ts';
import type { NodeConfig } from '../../config/node-config.ts';
import type { Services } from '../../services.ts';
import type { ConsumerGroupConfig } from '../ports.ts';

/** The settings in force. Throws 'invalid-argument' for values that do not go together. */
export function consumerSettings({ config, groupConfigs }: Pick<Services, 'config' | 'groupConfigs'>): ConsumerGroupConfig {
  checkBounds(config, 'session.timeout.ms');
  checkBounds(config, 'heartbeat.interval.ms');
  refuse(config.number('group.consumer.heartbeat.interval.ms') >= config.number('group.consumer.session.timeout.ms'), 'group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms');
  const policy = config.text('group.consumer.migration.policy')!;
  return {
    sessionTimeoutMs: (groupId) => groupConfigs.number(groupId, 'consumer.session.timeout.ms'),
    heartbeatIntervalMs: (groupId) => groupConfigs.number(groupId, 'consumer.heartbeat.interval.ms'),
    membersMax: config.number('group.consumer.max.size'),
    assignors: configList(config.text('group.consumer.assignors')!),
    mayUpgrade: policy === 'bidirectional' || policy === 'upgrade',
    mayDowngrade: policy === 'bidirectional' || policy === 'downgrade',
  };
}

function checkBounds(config: NodeConfig, what: string): void {
  const [least, value, most] = ['min.', '', 'max.'].map((bound) => `group.consumer.${bound}${what}`) as [string, string, string];
  refuse(config.number(value) < config.number(least), `${value} must be greater than or equal to ${least}`);
  refuse(config.number(value) > config.number(most), `${value} must be less than or equal to ${most}`);
}

function refuse(wrong: boolean, why: string): void {
  if (wrong) throw new MillraceError('invalid-argument', `Cannot start a node: ${why}`);
}
