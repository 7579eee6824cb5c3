// client/net/versions.ts - which version of each request a connection uses: the highest that both sides have.
// Owns: that choice. Never: what a call needs a lower one for (it says so).
import { MillraceError } from '../../base/mod.ts';
import type { Api } from '../../wire/mod.ts';

/** What a server said it accepts, by api key. */
export type ServerVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** The version to use. `versionMax` lowers it for one call. Throws 'unsupported-version' saying both ranges. */
export function chooseVersion(api: Api<any, any>, server: ServerVersions, endpoint: string, versionMax = Infinity): number {
  const offered = server.get(api.key);
  const max = Math.min(api.versions.max, versionMax, offered?.max ?? -1);
  const min = Math.max(api.versions.min, offered?.min ?? 0);
  if (offered && max >= min) return max;
  const theirs = offered ? `it speaks ${offered.min} to ${offered.max}` : 'it does not know it at all';
  throw new MillraceError('unsupported-version', `Cannot send ${api.name} to '${endpoint}': ${theirs}, this client ${api.versions.min} to ${api.versions.max}`, {
    api: api.name, endpoint, sent: false,
  });
}
