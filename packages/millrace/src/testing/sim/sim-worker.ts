// testing/sim/sim-worker.ts - a process that runs the seeds it is sent, one after the other.
import { runSeed } from './run-seed.ts';
import type { SeedResult } from './run-seed.ts';
import type { SeedTask } from './run-seeds.ts';

process.on('message', (task: SeedTask) => {
  void answer(task).then((result) => process.send!(result));
});

async function answer(task: SeedTask): Promise<SeedResult> {
  const first = await runSeed(task.level, task.seed);
  if (!task.twice || first.failure !== null) return first;
  const second = await runSeed(task.level, task.seed);
  if (second.traceHash === first.traceHash) return first;
  const message = `the same seed left two traces: ${first.traceHash} and ${second.traceHash}`;
  return { ...first, failure: { message, stack: '', trace: [] } };
}
