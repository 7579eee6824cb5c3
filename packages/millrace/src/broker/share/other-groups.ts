// broker/share/other-groups.ts - requests about groups of any kind, where share groups have their say.
// Owns: which of them concern share groups. Never: the answers about other groups: the handlers that stood there before give them.
// G1 An id belongs to one kind of group: what is a share group is refused to members of other kinds, and the other way round.
import {
  ConsumerGroupHeartbeat, DeleteGroups, errorCodes, JoinGroup, ListGroups, OffsetCommit, type Api, type RequestOf, type ResponseInit,
} from '../../wire/mod.ts';
import { completing } from '../completing.ts';
import type { Handler, Route } from '../handlers.ts';
import type { ShareGroups } from './share-groups.ts';

/** The same routes, with share groups in them. */
export function withShareGroups(routes: readonly Route[], groups: ShareGroups): Route[] {
  const changes = new Map<number, (handle: Handler<any>) => Handler<any>>([
    [ListGroups.key, (handle) => listGroups(groups, handle)],
    [DeleteGroups.key, (handle) => deleteGroups(groups, handle)],
    [JoinGroup.key, (handle) => unlessShared<typeof JoinGroup>(groups, ({ groupId }) => groupId, handle, () => ({ errorCode: errorCodes.INCONSISTENT_GROUP_PROTOCOL }))],
    [ConsumerGroupHeartbeat.key, (handle) => unlessShared<typeof ConsumerGroupHeartbeat>(groups, ({ groupId }) => groupId, handle, ({ groupId }) => ({ errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} is not a consumer group.` }))],
    [OffsetCommit.key, (handle) => unlessShared<typeof OffsetCommit>(groups, ({ groupId }) => groupId, handle, refusedCommit)],
  ]);
  return routes.map((row) => {
    const change = changes.get(row.api.key);
    return change === undefined ? row : { ...row, handle: change(row.handle) };
  });
}

function listGroups(groups: ShareGroups, handle: Handler<typeof ListGroups>): Handler<typeof ListGroups> {
  return (request, context) => handle(request, completing(context, (body) => {
    const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
    const listed = [...types.size > 0 && !types.has('share') ? [] : groups.all].filter(({ stateName }) => states.size === 0 || states.has(stateName.toLowerCase()));
    return { ...body, groups: [...body.groups ?? [], ...listed.map(({ id, stateName }) => ({ groupId: id, protocolType: 'share', groupState: stateName, groupType: 'share' }))] };
  }));
}

function deleteGroups(groups: ShareGroups, handle: Handler<typeof DeleteGroups>): Handler<typeof DeleteGroups> {
  return (request, context) => {
    const shared = new Set(request.groupsNames.filter((id) => groups.find(id) !== undefined));
    if (shared.size === 0) return handle(request, context);
    Promise.all([...shared].map(async (groupId) => ({ groupId, errorCode: await groups.remove(groupId) }))).then((results) => {
      handle({ ...request, groupsNames: request.groupsNames.filter((id) => !shared.has(id)) }, completing(context, (body) => ({ ...body, results: [...body.results ?? [], ...results] })));
    });
  };
}

/** G1. */
function unlessShared<A extends Api<any, any>>(groups: ShareGroups, idOf: (request: RequestOf<A>) => string, handle: Handler<A>, refusal: (request: RequestOf<A>) => ResponseInit<A>): Handler<A> {
  return (request, context) => (groups.find(idOf(request)) === undefined ? handle(request, context) : context.reply(refusal(request)));
}

function refusedCommit({ topics }: RequestOf<typeof OffsetCommit>): ResponseInit<typeof OffsetCommit> {
  return { topics: topics.map(({ name, topicId, partitions }) => ({ name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCodes.GROUP_ID_NOT_FOUND })) })) };
}
