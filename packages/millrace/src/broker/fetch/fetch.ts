// broker/fetch/fetch.ts - Fetch: which partitions a request follows, in which session; the reading is fetch-run.ts.
// Owns: the merge of a request into its session. Never: bytes.
import { Fetch, type RequestOf } from '../../wire/mod.ts';
import type { Handler } from '../handlers.ts';
import type { Services } from '../services.ts';
import { FetchRun } from './fetch-run.ts';
import { FetchSessions, noSession, type FetchSession } from './fetch-session.ts';
import type { FetchSet } from './fetch-set.ts';

type FetchRequest = RequestOf<typeof Fetch>;

/** The handler of Fetch, and the means to end all waits when the node closes. */
export interface FetchRoom {
  readonly handle: Handler<typeof Fetch>;
  /** Answers every waiting fetch with what there is. */
  finishWaiting(): void;
}

/** Sets up fetching for a node. */
export function fetchRoom(services: Services): FetchRoom {
  const sessions = new FetchSessions(services.random, () => services.config.number('max.incremental.fetch.session.cache.slots'));
  const runs = new Set<FetchRun>();
  const runOfSession = new Map<FetchSession, FetchRun>();

  const handle: Handler<typeof Fetch> = (request, context) => {
    const byId = context.version >= 13;
    const choice = sessions.choose(request, byId, services.clock.monotonicMs());
    if (choice.kind === 'refused') return context.reply({ errorCode: choice.errorCode, sessionId: noSession });
    const session = choice.session;
    if (session !== null) runOfSession.get(session)?.finish(); // its connection is gone, or it breaks the protocol: one fetch per session at a time
    const set = choice.kind === 'full' ? choice.set : choice.session.set;
    merge(set, request, byId);
    const onOver = () => {
      runs.delete(run);
      if (session === null) set.end();
      else if (runOfSession.get(session) === run) runOfSession.delete(session);
    };
    const run: FetchRun = new FetchRun(services, { request, context, set, full: choice.kind === 'full', sessionId: session?.id ?? noSession, onOver, onPutOff: () => { if (session !== null) sessions.forget(session); } });
    runs.add(run);
    if (session !== null) runOfSession.set(session, run);
    run.start();
  };

  return { handle, finishWaiting: () => { for (const run of [...runs]) run.finish(); } };
}

function merge(set: FetchSet, request: FetchRequest, byId: boolean): void {
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    for (const index of partitions) set.remove(byId ? topicId : topic, index);
  }
  for (const { topic, topicId, partitions } of request.topics) {
    for (const partition of partitions) {
      const entry = set.put(byId ? topicId : topic, partition.partition);
      entry.fetchOffset = partition.fetchOffset;
      entry.bytesMax = partition.partitionMaxBytes;
      entry.leaderEpoch = partition.currentLeaderEpoch;
    }
  }
}
