// test/conformance/clients.test.ts - every client, every case, on Apache Kafka and on Millrace.
// Owns: starting the brokers and workers once, and running clients side by side: most of the time is waiting. See matrix.ts for how to choose.

import { after, before, describe, test } from 'node:test';
import { installKcat } from '../peers/install.ts';
import { startMillrace } from '../peers/millrace.ts';
import { startJavaWorker, startPythonWorker, type Worker } from '../peers/worker.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { adminCases } from './cases/admin.ts';
import { consumeCases } from './cases/consume.ts';
import { groupCases } from './cases/groups.ts';
import { produceCases } from './cases/produce.ts';
import type { ClientName, Driver } from './driver.ts';
import { kafkajsDriver } from './drivers/kafkajs.ts';
import { kcatDriver } from './drivers/kcat.ts';
import { platformaticDriver } from './drivers/platformatic.ts';
import { javaDriver, pythonDriver } from './drivers/worker.ts';
import { clients, isChosen, Matrix, targets } from './matrix.ts';
import { kafkaForCases } from './targets.ts';

const cases = [...produceCases, ...consumeCases, ...groupCases, ...adminCases].filter(({ name }) => isChosen(name));
const matrix = new Matrix('clients');
const open = new AsyncDisposableStack();
const brokers = new Map<BrokerKind, Broker>();
const drivers = new Map<ClientName, Map<BrokerKind, Driver>>();
let java43: Worker;

describe('clients', { concurrency: 3 }, () => {
  before(async () => {
    const missingKcat = clients.includes('kcat') ? await installKcat() : undefined;
    java43 = open.use(await startJavaWorker('4.3'));
    const java39 = clients.includes('java-3.9') ? open.use(await startJavaWorker('3.9')) : undefined;
    const python = clients.includes('python') ? open.use(await startPythonWorker()) : undefined;
    for (const target of targets) brokers.set(target, open.use(target === 'kafka' ? await kafkaForCases() : await startMillrace()));
    for (const client of clients) {
      if (client === 'kcat' && missingKcat !== undefined) {
        for (const target of targets) for (const { name } of cases) matrix.note(client, name, target, { kind: 'skipped', reason: missingKcat });
        continue;
      }
      drivers.set(client, new Map([...brokers].map(([kind, { bootstrap }]) => [kind, open.use(makeDriver(client, bootstrap, { java39, python }))])));
    }
  });
  after(async () => {
    await open.disposeAsync();
    process.stdout.write(matrix.print());
  });

  for (const client of clients) {
    describe(client, { concurrency: 1 }, () => {
      for (const one of cases) {
        test(`${client}: ${one.name}`, { timeout: 240_000 }, async (t) => {
          const own = drivers.get(client);
          if (own === undefined) return t.skip('the client is not installed');
          await matrix.runCase(one, targets.map((target) => ({ target, driver: own.get(target)!, reference: javaDriver('java-4.3', java43, brokers.get(target)!.bootstrap), broker: brokers.get(target)! })));
        });
      }
    });
  }
});

function makeDriver(client: ClientName, bootstrap: string, workers: { java39: Worker | undefined; python: Worker | undefined }): Driver {
  switch (client) {
    case 'java-4.3': return javaDriver(client, java43, bootstrap);
    case 'java-3.9': return javaDriver(client, workers.java39!, bootstrap);
    case 'python': return pythonDriver(workers.python!, bootstrap);
    case 'kcat': return kcatDriver(bootstrap);
    case 'kafkajs': return kafkajsDriver(bootstrap);
    case 'platformatic': return platformaticDriver(bootstrap);
  }
}
