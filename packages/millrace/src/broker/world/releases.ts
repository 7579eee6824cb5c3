// broker/world/releases.ts - what each release of Apache Kafka advertises: api keys with their versions, and features.
// Owns: the table, and what is left of a node's routes when it speaks as one of them. Never: messages.
// V2 A node that speaks as a release advertises and serves the versions that both have, nothing else.
// Source: the message layouts of each release and KIP-896, KIP-848, KIP-932, as listed by franz-go's kversion; up to 3.2 brokers with ZooKeeper, from
// 3.3 on with KRaft. Left out: what only brokers and controllers say to each other, and telemetry, which is advertised only where it is configured.
import { MillraceError } from '../../base/mod.ts';
import { apiByKey } from '../../wire/mod.ts';
import type { Route } from '../handlers.ts';

/** Lowest and highest version. */
export interface AdvertisedRange { readonly min: number; readonly max: number }

/** One release as its clients see it. */
export interface Release {
  readonly name: string;
  /** By api key. */
  readonly apis: ReadonlyMap<number, AdvertisedRange>;
  /** Highest level that it supports, and the one in force in a new cluster (0: none), by feature. */
  readonly features: ReadonlyMap<string, { readonly max: number; readonly finalized: number }>;
  /** KIP-511, since 2.4: an unknown version of ApiVersions is answered with the range that is served. */
  readonly tellsApiVersionsRange: boolean;
}

/** What changed from release to release: key:max, key:min-max, or -key for one that went. */
const changes: readonly (readonly [name: string, apis: string, features?: string])[] = [
  ['2.1', '0:7 1:10 2:4 3:7 8:6 9:5 10:2 11:3 12:2 13:2 14:2 15:2 16:2 17:1 18:2 19:3 20:3 21:1 22:1 23:2 24:1 25:1 26:1 27:0 28:2 29:1 30:1 31:1 32:2 33:1 34:1 35:1 36:0 37:1 38:1 39:1 40:1 41:1 42:1'],
  ['2.2', '2:5 11:4 36:1 43:0'],
  ['2.3', '1:11 3:8 8:7 11:5 12:3 14:3 15:3 23:3 44:0'],
  ['2.4', '0:8 3:9 8:8 9:6 10:3 11:6 12:4 13:4 14:4 15:5 16:3 18:3 19:5 20:4 22:2 38:2 42:2 43:2 44:1 45:0 46:0 47:0'],
  ['2.5', '9:7 11:7 14:5 22:3 28:3 29:2 30:2 31:2 36:2 37:2 39:2 40:2 41:2'],
  ['2.6', '16:4 21:2 32:3 35:2 48:0 49:0'],
  ['2.7', '1:12 19:6 20:5 22:4 24:2 25:2 26:2 37:3 50:0 51:0 57:0'],
  ['2.8', '0:9 2:6 3:11 19:7 20:6 23:4 24:3 25:3 26:3 27:1 32:4 33:2 34:2 48:1 49:1 60:0 61:0'],
  ['3.0', '2:7 9:8 10:4 65:0 66:0'],
  ['3.1', '1:13 3:12'],
  ['3.2', '11:9 13:5 35:3'],
  ['3.3', '29:3 30:3 31:3 35:4 55:1 57:1 64:0 -38 -39 -40 -41 -50 -51', 'metadata.version:7'],
  ['3.4', '', 'metadata.version:8'],
  ['3.5', '1:15 2:8 50:0 51:0', 'metadata.version:11'],
  ['3.6', '24:4 38:3 39:2 40:2 41:3', 'metadata.version:14'],
  ['3.7', '0:10 1:16 8:9 9:9 60:1 68:0 74:0', 'metadata.version:19'],
  ['3.8', '0:11 10:5 16:5 22:5 24:5 25:4 26:4 28:4 66:1 69:0 75:0', 'metadata.version:20'],
  ['3.9', '1:17 2:9 10:6 18:4 55:2 80:0 81:0', 'metadata.version:21 kraft.version:1'],
  ['4.0', '0:12 1:4-17 2:1-10 3:13 8:2-9 9:1-9 11:2-9 15:6 19:2-7 20:1-6 23:2-4 26:5 27:1-1 28:5 29:1-3 30:1-3 31:1-3 32:1-4 34:1-2 35:1-4 38:1-3 39:1-2 40:1-2 41:1-3 57:2 60:2 68:1 69:1',
    'metadata.version:25 transaction.version:2 group.version:1 eligible.leader.replicas.version:1/0'],
  ['4.1', '0:13 1:4-18 11:0-9 45:1 66:2 74:1 76:1-1 77:1-1 78:1-1 79:1-1 90:0 91:0 92:0', 'metadata.version:27 eligible.leader.replicas.version:1 share.version:1/0'],
  ['4.2', '2:1-11 8:2-10 9:1-10 27:1-2 78:1-2 79:1-2 80:1 88:0 89:0 90:1', 'metadata.version:29 share.version:1 streams.version:1'],
  ['4.3', '35:1-5', 'metadata.version:30'],
];

const rangeSince24 = 4;

/** Every release, oldest first. */
export const releases: ReadonlyMap<string, Release> = readAll();

function readAll(): Map<string, Release> {
  const found = new Map<string, Release>();
  const apis = new Map<number, AdvertisedRange>();
  const features = new Map<string, { max: number; finalized: number }>();
  for (const [name, changedApis, changedFeatures = ''] of changes) {
    for (const change of changedApis.split(' ')) applyApi(apis, change);
    for (const change of changedFeatures.split(' ')) applyFeature(features, change);
    const [major, minor] = name.split('.').map(Number) as [number, number];
    found.set(name, { name, apis: new Map(apis), features: new Map(features), tellsApiVersionsRange: major > 2 || minor >= rangeSince24 });
  }
  return found;
}

function applyApi(apis: Map<number, AdvertisedRange>, change: string): void {
  if (change === '') return;
  if (change.startsWith('-')) return void apis.delete(Number(change.slice(1)));
  const [key, range] = change.split(':') as [string, string];
  const [first, last] = range.split('-').map(Number) as [number, number | undefined];
  apis.set(Number(key), last === undefined ? { min: apis.get(Number(key))?.min ?? 0, max: first } : { min: first, max: last });
}

function applyFeature(features: Map<string, { max: number; finalized: number }>, change: string): void {
  if (change === '') return;
  const [name, levels] = change.split(':') as [string, string];
  const [max, finalized] = levels.split('/').map(Number) as [number, number | undefined];
  features.set(name, { max, finalized: finalized ?? max });
}

/** The release of that name ('3.5', '3.5.1', 'v3.5'). Throws 'invalid-argument' for one that is not in the table. */
export function releaseOf(text: string): Release {
  const parts = /^v?(\d+)\.(\d+)(?:\.\d+)?$/.exec(text.trim());
  const release = parts === null ? undefined : releases.get(`${Number(parts[1])}.${Number(parts[2])}`);
  if (release !== undefined) return release;
  throw new MillraceError('invalid-argument', `Cannot speak as Apache Kafka '${text}': known are ${[...releases.keys()].join(', ')}`, { asKafkaVersion: text });
}

/** V2. The routes that both the node and the release have, in the versions that both have. */
export function narrowed(routes: readonly Route[], release: Release): Route[] {
  const kept: Route[] = [];
  for (const row of routes) {
    const theirs = release.apis.get(row.api.key);
    if (theirs === undefined) continue;
    const versions = { min: Math.max(row.versions.min, theirs.min), max: Math.min(row.versions.max, theirs.max) };
    if (versions.min <= versions.max) kept.push({ ...row, versions, advertisedMin: Math.max(row.advertisedMin, theirs.min) });
  }
  return kept;
}

/** What the release has and the node has not, in words such as 'DescribeDelegationToken' or 'Fetch 0-3'; empty when it has all of it. */
export function lacking(routes: readonly Route[], release: Release): string[] {
  const byKey = new Map(routes.map((row) => [row.api.key, row]));
  const missing: string[] = [];
  for (const [key, { min, max }] of release.apis) {
    const name = apiByKey(key)?.name ?? otherNames.get(key) ?? `api ${key}`;
    const ours = byKey.get(key);
    if (ours === undefined) { missing.push(name); continue; }
    if (ours.versions.min > min) missing.push(`${name} ${span(min, Math.min(max, ours.versions.min - 1))}`);
    if (ours.versions.max < max) missing.push(`${name} ${span(Math.max(min, ours.versions.max + 1), max)}`);
  }
  return missing;
}

const span = (min: number, max: number): string => (min === max ? String(min) : `${min}-${max}`);
const otherNames: ReadonlyMap<number, string> = new Map([[80, 'AddRaftVoter'], [81, 'RemoveRaftVoter']]);
