// broker/config/aliases.ts - Kafka's older keys for the same thing in other units; the finest unit that is given counts, as in Kafka.
import { MillraceError } from '../../base/mod.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Finest first: key, the key that it stands for, and its unit in that key's. */
const aliases: readonly (readonly [name: string, target: string, unit: number])[] = [
  ['log.retention.minutes', 'log.retention.ms', minuteMs],
  ['log.retention.hours', 'log.retention.ms', hourMs],
  ['log.roll.hours', 'log.roll.ms', hourMs],
  ['log.roll.jitter.hours', 'log.roll.jitter.ms', hourMs],
];

/** The same configuration under the keys of the definitions. Throws 'invalid-argument' for an older key with a value that is no whole number. */
export function withoutAliases(given: Readonly<Record<string, string>>): Record<string, string> {
  const config = { ...given };
  for (const [name, target, unit] of aliases) {
    const text = config[name];
    if (text === undefined) continue;
    delete config[name];
    if (!/^\s*-?\d{1,9}\s*$/.test(text)) throw new MillraceError('invalid-argument', `Invalid value ${text} for configuration ${name}: Not a number of type INT`, { name, value: text });
    config[target] ??= Number(text) < 0 ? '-1' : String(Number(text) * unit);
  }
  return config;
}
