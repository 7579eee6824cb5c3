// broker/share/share-fetch.ts - ShareFetch: acknowledgements that come along, the session, then records.
// Owns: the order of these, the answer. Never: reading (share-fetch-run.ts).
// F1 What was acknowledged is durable before the answer leaves. F2 The answer names partitions with records, with an error, or with acknowledgements.
import { errorCodes, type RequestOf, type ResponseInit, type ShareFetch } from '../../wire/mod.ts';
import type { RequestContext } from '../handlers.ts';
import { takeAcknowledgements, typeMaxOf, type Acknowledged } from './acknowledge-requests.ts';
import { ShareFetchRun, type FetchedShare } from './share-fetch-run.ts';
import type { ShareGroup } from './share-group.ts';
import type { ShareGroups } from './share-groups.ts';
import { sessionEpoch, updateSession, type SessionChoice, type ShareSession } from './share-session.ts';

type Request = RequestOf<typeof ShareFetch>;
type Context = RequestContext<typeof ShareFetch>;
type PartitionAnswer = NonNullable<NonNullable<ResponseInit<typeof ShareFetch>['responses']>[number]['partitions']>[number];

const acquireModes = { batchOptimized: 0, recordLimit: 1 } as const;

/** Answers share fetches. */
export class ShareFetchRoom {
  readonly #groups: ShareGroups;
  readonly #runs = new Set<ShareFetchRun>();

  constructor(groups: ShareGroups) {
    this.#groups = groups;
  }

  /** Answers every waiting fetch with nothing. */
  finishWaiting(): void { for (const run of [...this.#runs]) run.finish(); }

  /** Answers one request. */
  handle(request: Request, context: Context): void {
    const { groupId, memberId, shareSessionEpoch: epoch } = request;
    const fault = faultOf(request, context.version);
    if (fault || groupId === null || memberId === null) return context.reply({ errorCode: errorCodes.INVALID_REQUEST });
    const group = this.#groups.find(groupId);
    if (group === undefined || group.isEnding) return context.reply({ errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Share group ${groupId} not found.` });
    const choice = this.#choose(request, groupId, memberId, context);
    if (choice.kind === 'refused') return context.reply({ errorCode: choice.errorCode });
    const { session } = choice;
    if (epoch !== sessionEpoch.final) updateSession(session, placesOf(request), forgottenOf(request));
    let acknowledged: readonly Acknowledged[] | null = null;
    let fetched: readonly FetchedShare[] | null = null;
    const settled = (): void => { if (acknowledged !== null && fetched !== null) reply(context, group, acknowledged, fetched); };
    takeAcknowledgements(this.#groups, group, memberId, request.topics, typeMaxOf(context.version, request.isRenewAck), (results) => { acknowledged = results; settled(); });
    if (epoch === sessionEpoch.final) this.#groups.endSession(session);
    if (epoch === sessionEpoch.final || request.maxRecords <= 0 || request.maxBytes <= 0) { fetched = []; return settled(); }
    this.#run(group, session, request, context, (found) => { fetched = found; settled(); });
  }

  #choose({ shareSessionEpoch }: Request, groupId: string, memberId: string, { connection }: Context): SessionChoice {
    if (shareSessionEpoch === sessionEpoch.initial) return this.#groups.openSession(groupId, memberId, connection);
    return this.#groups.sessions.next(groupId, memberId, shareSessionEpoch);
  }

  #run(group: ShareGroup, session: ShareSession, request: Request, context: Context, done: (fetched: readonly FetchedShare[]) => void): void {
    const { services } = this.#groups;
    const run: ShareFetchRun = new ShareFetchRun(services, {
      group, memberId: session.memberId, places: rotated([...session.partitions].flatMap(([topicId, indexes]) => [...indexes].map((index) => [topicId, index] as const)), session.epoch),
      connection: context.connection, isOver: () => this.#groups.sessions.find(session.group, session.memberId) !== session, waitMs: request.maxWaitMs, bytesMin: request.minBytes, bytesMax: Math.min(request.maxBytes, services.config.number('fetch.max.bytes')),
      recordsMax: request.maxRecords, exact: context.version >= 2 && request.shareAcquireMode === acquireModes.recordLimit, rangeRecords: Math.max(1, request.batchSize),
      onOver: (fetched) => { this.#runs.delete(run); done(fetched); },
    });
    this.#runs.add(run);
    run.start();
  }
}

/** True for a request that does not make sense. */
function faultOf({ groupId, memberId, shareSessionEpoch, shareAcquireMode, isRenewAck, maxWaitMs, minBytes, maxBytes, maxRecords, topics }: Request, version: number): boolean {
  if (groupId === '' || memberId === '' || shareSessionEpoch < sessionEpoch.final) return true;
  if (version >= 2 && shareAcquireMode !== acquireModes.batchOptimized && shareAcquireMode !== acquireModes.recordLimit) return true;
  if (version >= 2 && isRenewAck && (maxWaitMs !== 0 || minBytes !== 0 || maxBytes !== 0 || maxRecords !== 0)) return true; // what holds records for longer fetches none (KIP-1222)
  return shareSessionEpoch === sessionEpoch.initial && topics.some(({ partitions }) => partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0));
}

function* placesOf({ topics }: Request): Iterable<readonly [string, number]> {
  for (const { topicId, partitions } of topics) for (const { partitionIndex } of partitions) yield [topicId, partitionIndex];
}

function* forgottenOf({ forgottenTopicsData }: Request): Iterable<readonly [string, number]> {
  for (const { topicId, partitions } of forgottenTopicsData) for (const index of partitions) yield [topicId, index];
}

/** Another one is first each time. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return at === 0 ? items : [...items.slice(at), ...items.slice(0, at)];
}

function reply(context: Context, group: ShareGroup, acknowledged: readonly Acknowledged[], fetched: readonly FetchedShare[]): void {
  const topics = new Map<string, Map<number, PartitionAnswer>>();
  const partitionOf = (topicId: string, index: number): PartitionAnswer => {
    let partitions = topics.get(topicId);
    if (partitions === undefined) topics.set(topicId, partitions = new Map());
    let partition = partitions.get(index);
    if (partition === undefined) partitions.set(index, partition = { partitionIndex: index, records: [] });
    return partition;
  };
  for (const { topicId, index, errorCode, errorMessage } of acknowledged) Object.assign(partitionOf(topicId, index), { acknowledgeErrorCode: errorCode, acknowledgeErrorMessage: errorMessage });
  for (const { topicId, index, errorCode, parts, ranges } of fetched) {
    const acquiredRecords = ranges.map(({ first, last, deliveryCount }) => ({ firstOffset: first, lastOffset: last, deliveryCount }));
    Object.assign(partitionOf(topicId, index), { errorCode, records: parts, acquiredRecords });
  }
  context.reply({
    acquisitionLockTimeoutMs: group.settings.lockDurationMs,
    responses: [...topics].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions.values()] })),
  }, () => { for (const { release } of fetched) release(); });
}
