// broker/share/settings.ts - what a share group is told to do, as numbers that are read at each step.
// Owns: the way from configuration to settings. Never: where configuration is kept (config/).
import type { Services } from '../services.ts';
import type { ShareSettings } from './effects.ts';

/** Settings of one group. */
export interface ShareGroupSettings extends ShareSettings {
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Leaves out what is not committed. */
  readonly committedOnly: boolean;
}

/** The settings in force now. */
export function shareGroupSettings({ groupConfigs }: Services, group: string): ShareGroupSettings {
  return {
    deliveryCountMax: groupConfigs.number(group, 'share.delivery.count.limit'),
    recordLocksMax: groupConfigs.number(group, 'share.partition.max.record.locks'),
    lockDurationMs: groupConfigs.number(group, 'share.record.lock.duration.ms'),
    renewAllowed: groupConfigs.boolean(group, 'share.renew.acknowledge.enable'),
    sessionTimeoutMs: groupConfigs.number(group, 'share.session.timeout.ms'),
    heartbeatIntervalMs: groupConfigs.number(group, 'share.heartbeat.interval.ms'),
    committedOnly: groupConfigs.text(group, 'share.isolation.level') === 'read_committed',
  };
}
