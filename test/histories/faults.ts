// test/histories/faults.ts - what happens to the broker's process while clients work: it is killed and started again, or stands still for a while.
// Owns: the two faults and their order by a seed. Never: clients, judgement.
import { prng } from '../../packages/millrace/src/testing/mod.ts';
import type { Broker } from '../peers/broker.ts';
import { sleep } from '../peers/processes.ts';

/** What the faults came to. */
export interface FaultCounts { kills: number; pauses: number }

/** How many of each, between how much work. */
export interface FaultPlan {
  readonly kills: number;
  readonly pauses: number;
  /** Longest pause; some are longer than the clients' requests wait. */
  readonly pauseMsMax: number;
  /** Waits until everybody got on with their work. */
  readonly progress: () => Promise<void>;
}

/** Carries the faults out, one after the other, each in the middle of work. */
export async function breakOften(broker: Broker, plan: FaultPlan, seed: number): Promise<FaultCounts> {
  const random = prng(seed);
  const faults: ('kill' | 'pause')[] = [...Array<'kill'>(plan.kills).fill('kill'), ...Array<'pause'>(plan.pauses).fill('pause')];
  const counts: FaultCounts = { kills: 0, pauses: 0 };
  while (faults.length > 0) {
    const [fault] = faults.splice(random.below(faults.length), 1);
    await plan.progress();
    await sleep(random.between(0, 150));
    if (fault === 'kill') {
      await broker.kill();
      await broker.restart();
      counts.kills++;
    } else {
      await pause(broker.pid, random.between(100, plan.pauseMsMax));
      counts.pauses++;
    }
  }
  await plan.progress();
  return counts;
}

async function pause(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(ms);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
