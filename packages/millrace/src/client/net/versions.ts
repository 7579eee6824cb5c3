// client/net/versions.ts - which version of each request a connection uses: the highest that both sides have.
// Owns: the client's own upper bounds, lower than the schema's where a newer version would ask for more than this client does.
import { MillraceError } from '../../base/mod.ts';
import type { Api } from '../../wire/mod.ts';

/** What a server said it accepts, by api key. */
export type ServerVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** Bounds below the schema's: by name, because keys say nothing to a reader. */
const clientMax: Readonly<Record<string, number>> = {
  OffsetCommit: 9, // 10 names topics by id only
  OffsetFetch: 9, // the same
};

/** The version to use. `versionMax` lowers it for one call. Throws 'unsupported-version' saying both ranges. */
export function chooseVersion(api: Api<any, any>, server: ServerVersions, endpoint: string, versionMax = Infinity): number {
  const offered = server.get(api.key);
  const max = Math.min(api.versions.max, clientMax[api.name] ?? Infinity, versionMax, offered?.max ?? -1);
  const min = Math.max(api.versions.min, offered?.min ?? 0);
  if (offered && max >= min) return max;
  const theirs = offered ? `it speaks ${offered.min} to ${offered.max}` : 'it does not know it at all';
  throw new MillraceError('unsupported-version', `Cannot send ${api.name} to '${endpoint}': ${theirs}, this client ${api.versions.min} to ${api.versions.max}`, {
    api: api.name, endpoint, sent: false,
  });
}
