// test/conformance/stage.ts - the workers and drivers of one test file, started once.
// Owns: which clients can be had on this machine, and their ends. Never: brokers.

import { installKcat } from '../peers/install.ts';
import { startJavaWorker, startPythonWorker, type Worker } from '../peers/worker.ts';
import type { ClientName, Driver } from './driver.ts';
import { kafkajsDriver } from './drivers/kafkajs.ts';
import { kcatDriver } from './drivers/kcat.ts';
import { platformaticDriver } from './drivers/platformatic.ts';
import { javaDriver, pythonDriver } from './drivers/worker.ts';
import { clients } from './matrix.ts';

/** Clients ready to be pointed at brokers. */
export class Stage implements AsyncDisposable {
  /** Why a chosen client cannot run here. */
  readonly missing = new Map<ClientName, string>();
  readonly #open = new AsyncDisposableStack();
  readonly #workers: { java43: Worker; java39: Worker | undefined; python: Worker | undefined };

  private constructor(workers: { java43: Worker; java39: Worker | undefined; python: Worker | undefined }) {
    this.#workers = workers;
    for (const worker of Object.values(workers)) if (worker !== undefined) this.#open.use(worker);
  }

  /** Starts what the chosen clients need; the newest Java client always, as the reference. */
  static async open(): Promise<Stage> {
    const stage = new Stage({
      java43: await startJavaWorker('4.3'),
      java39: clients.includes('java-3.9') ? await startJavaWorker('3.9') : undefined,
      python: clients.includes('python') ? await startPythonWorker() : undefined,
    });
    const reason = clients.includes('kcat') ? await installKcat() : undefined;
    if (reason !== undefined) stage.missing.set('kcat', reason);
    return stage;
  }

  /** A client against a broker; ends with the stage. */
  driver(client: ClientName, bootstrap: string): Driver { return this.#open.use(this.#make(client, bootstrap)); }

  /** The client that sets the stage and checks. */
  reference(bootstrap: string): Driver { return javaDriver('java-4.3', this.#workers.java43, bootstrap); }

  [Symbol.asyncDispose](): Promise<void> { return this.#open.disposeAsync(); }

  #make(client: ClientName, bootstrap: string): Driver {
    switch (client) {
      case 'java-4.3': return javaDriver(client, this.#workers.java43, bootstrap);
      case 'java-3.9': return javaDriver(client, this.#workers.java39!, bootstrap);
      case 'python': return pythonDriver(this.#workers.python!, bootstrap);
      case 'kcat': return kcatDriver(bootstrap);
      case 'kafkajs': return kafkajsDriver(bootstrap);
      case 'platformatic': return platformaticDriver(bootstrap);
    }
  }
}
