// broker/group/routes.ts - the requests about groups and offsets, and who answers them.
// Owns: the table. Never: answers (membership-requests.ts, offset-requests.ts, admin-requests.ts).
import {
  ConsumerGroupDescribe, ConsumerGroupHeartbeat, DeleteGroups, DescribeGroups, FindCoordinator, Heartbeat, JoinGroup, LeaveGroup, ListGroups, OffsetCommit, OffsetDelete, OffsetFetch, SyncGroup,
} from '../../wire/mod.ts';
import { route, type Route } from '../handlers.ts';
import { deleteGroups, describeGroups, findCoordinator, listGroups } from './admin-requests.ts';
import { consumerGroupDescribe, consumerGroupHeartbeat } from './consumer/requests.ts';
import type { GroupCoordinator } from './coordinator.ts';
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './membership-requests.ts';
import { offsetCommit, offsetDelete, offsetFetch } from './offset-requests.ts';

/** Routes for keys 8-16, 42, 47, 68 and 69. */
export function groupRoutes(groups: GroupCoordinator, nodeId: number): Route[] {
  return [
    route(OffsetCommit, (request, context) => offsetCommit(groups, request, context)),
    route(OffsetFetch, (request, context) => offsetFetch(groups, request, context)),
    route(FindCoordinator, (request, context) => findCoordinator(nodeId, request, context)),
    route(JoinGroup, (request, context) => joinGroup(groups, request, context)),
    route(Heartbeat, (request, context) => heartbeat(groups, request, context)),
    route(LeaveGroup, (request, context) => leaveGroup(groups, request, context)),
    route(SyncGroup, (request, context) => syncGroup(groups, request, context)),
    route(DescribeGroups, (request, context) => describeGroups(groups, request, context)),
    route(ListGroups, (request, context) => listGroups(groups, request, context)),
    route(DeleteGroups, (request, context) => deleteGroups(groups, request, context)),
    route(ConsumerGroupHeartbeat, (request, context) => consumerGroupHeartbeat(groups, request, context)),
    route(ConsumerGroupDescribe, (request, context) => consumerGroupDescribe(groups, request, context)),
    route(OffsetDelete, (request, context) => offsetDelete(groups, request, context)),
  ];
}
