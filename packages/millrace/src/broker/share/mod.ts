// broker/share/mod.ts - the door of share groups for the rest of the broker.
export { withShareGroups } from './other-groups.ts';
export { shareRoutes } from './routes.ts';
export { ShareFetchRoom } from './share-fetch.ts';
export { ShareGroups } from './share-groups.ts';
