// wire/versions.ts - ranges of message versions, written as Kafka writes them: '3-13', '9+', '0', 'none'.
// Owns: parsing and asking. Never: what a version means.
import { assert } from '../base/mod.ts';

/** Versions from `min` to `max`, both included; empty when min > max. `max` is Infinity for '9+'. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** No version at all. */
export const noVersions: VersionRange = Object.freeze({ min: 1, max: 0 });

/** Every version. */
export const allVersions: VersionRange = Object.freeze({ min: 0, max: Infinity });

/**
 * Reads '3-13', '9+', '4' or 'none'. Anything else is a mistake in a schema and stops the program.
 * @example versionRange('3-13') // { min: 3, max: 13 }
 */
export function versionRange(text: string): VersionRange {
  if (text === 'none') return noVersions;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  assert(match !== null, `a version range reads '3-13', '9+', '4' or 'none', not '${text}'`);
  const min = Number(match[1]);
  const max = match[2] ? Infinity : match[3] === undefined ? min : Number(match[3]);
  assert(max >= min, `a version range rises, not '${text}'`);
  return Object.freeze({ min, max });
}

/** True when `version` lies in `range`. */
export function inVersions(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max;
}
