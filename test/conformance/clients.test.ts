// test/conformance/clients.test.ts - every client, every case, on Apache Kafka and on Millrace.
// Owns: starting the brokers and workers once, and running clients side by side: most of the time is waiting. See matrix.ts for how to choose.

import { after, before, describe, test } from 'node:test';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { adminCases } from './cases/admin.ts';
import { compactionCases } from './cases/compaction.ts';
import { consumeCases } from './cases/consume.ts';
import { consumerGroupCases } from './cases/consumer-groups.ts';
import { groupCases } from './cases/groups.ts';
import { produceCases } from './cases/produce.ts';
import { transactionCases } from './cases/transactions.ts';
import type { ClientName, Driver } from './driver.ts';
import { clients, isChosen, Matrix, targets } from './matrix.ts';
import { Stage } from './stage.ts';
import { startTarget } from './targets.ts';

const cases = [...produceCases, ...consumeCases, ...groupCases, ...consumerGroupCases, ...adminCases, ...transactionCases, ...compactionCases].filter(({ name }) => isChosen(name));
/** Waiting until both brokers have compacted takes a minute: on a push two clients do. */
const compactionPlayers: readonly ClientName[] = process.env['MILLRACE_TEST_FULL'] === '1' ? clients : ['java-4.3', 'kafkajs'];
const casesOf = (client: ClientName) => cases.filter(({ name }) => !name.startsWith('compaction') || compactionPlayers.includes(client));
const matrix = new Matrix('clients');
const open = new AsyncDisposableStack();
const brokers = new Map<BrokerKind, Broker>();
const drivers = new Map<ClientName, Map<BrokerKind, Driver>>();
let stage: Stage;

describe('clients', { concurrency: 3 }, () => {
  before(async () => {
    for (const target of targets) brokers.set(target, open.use(await startTarget(target)));
    stage = open.use(await Stage.open());
    for (const client of clients) {
      const reason = stage.missing.get(client);
      if (reason === undefined) drivers.set(client, new Map([...brokers].map(([kind, { bootstrap }]) => [kind, stage.driver(client, bootstrap)])));
      else for (const target of targets) for (const { name } of casesOf(client)) matrix.note(client, name, target, { kind: 'skipped', reason });
    }
  });
  after(async () => {
    await open.disposeAsync();
    process.stdout.write(matrix.print());
  });

  for (const client of clients) {
    describe(client, { concurrency: 1 }, () => {
      for (const one of casesOf(client)) {
        test(`${client}: ${one.name}`, { timeout: 240_000 }, async (t) => {
          const own = drivers.get(client);
          if (own === undefined) return t.skip(stage.missing.get(client));
          await matrix.runCase(one, targets.map((target) => {
            const broker = brokers.get(target)!;
            return { target, driver: own.get(target)!, reference: stage.reference(broker.bootstrap), broker };
          }));
        });
      }
    });
  }
});
