// client/consumer/persist.ts - doing something for as long as it takes: a cluster that is away for a while ends no consumer.
import { backoffDefault, fullJitterMs, isMillraceError, sleep } from '../../base/mod.ts';
import type { ClientPorts } from '../net/ports.ts';

/** Does it again, with jittered waits, after errors that may pass; throws any other. Resolves as well once it is not wanted any more, done or not. */
export async function persist(ports: ClientPorts, isWanted: () => boolean, act: () => Promise<void>): Promise<void> {
  for (let attemptIndex = 0; isWanted(); attemptIndex++) {
    try {
      return await act();
    } catch (error) {
      if (!isWanted()) return;
      if (!isMillraceError(error) || !error.retry) throw error;
      await sleep(ports, 1 + fullJitterMs(backoffDefault, attemptIndex, ports.random.fraction()));
    }
  }
}
