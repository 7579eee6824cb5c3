// broker/share/routes.ts - the requests about share groups, and who answers them.
// Owns: the table, opening and closing. Never: answers.
import {
  AlterShareGroupOffsets, DeleteShareGroupOffsets, DescribeShareGroupOffsets, ShareAcknowledge, ShareFetch, ShareGroupDescribe, ShareGroupHeartbeat,
} from '../../wire/mod.ts';
import { route, type Route } from '../handlers.ts';
import { shareAcknowledge } from './acknowledge-requests.ts';
import { shareGroupDescribe, shareGroupHeartbeat } from './group-requests.ts';
import { alterShareGroupOffsets, deleteShareGroupOffsets, describeShareGroupOffsets } from './offset-requests.ts';
import type { ShareFetchRoom } from './share-fetch.ts';
import type { ShareGroups } from './share-groups.ts';

/** Routes for keys 76-79 and 90-92. */
export function shareRoutes(groups: ShareGroups, fetches: ShareFetchRoom): Route[] {
  return [
    route(ShareGroupHeartbeat, (request, context) => shareGroupHeartbeat(groups, request, context)),
    route(ShareGroupDescribe, (request, context) => shareGroupDescribe(groups, request, context)),
    route(ShareFetch, (request, context) => fetches.handle(request, context)),
    route(ShareAcknowledge, (request, context) => shareAcknowledge(groups, request, context)),
    route(DescribeShareGroupOffsets, (request, context) => describeShareGroupOffsets(groups, request, context)),
    route(AlterShareGroupOffsets, (request, context) => alterShareGroupOffsets(groups, request, context)),
    route(DeleteShareGroupOffsets, (request, context) => deleteShareGroupOffsets(groups, request, context)),
  ];
}
