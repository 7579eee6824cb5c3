// broker/import/routes.ts - the request by which a topic is moved here from another cluster.
import { ImportBatches } from '../../wire/mod.ts';
import { route, type Route } from '../handlers.ts';
import type { Services } from '../services.ts';
import { importBatchesHandler } from './import-batches.ts';

/** The route for key 900. */
export const importRoutes = (services: Services): Route[] => [route(ImportBatches, importBatchesHandler(services))];
