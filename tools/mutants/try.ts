// tools/mutants/try.ts - runs inside a copy of the tree that holds one mutant: simulations until one notices it.
// Exit code 0: nothing noticed. 1: noticed, and the last line says how. It is a program of its own so that a mutant may hang or die.
import { runSeed } from '../../packages/millrace/src/testing/sim/run-seed.ts';
import type { SimLevel } from '../../packages/millrace/src/testing/sim/run-seed.ts';

/** Arguments: pairs of a level and a count of seeds, such as `log 40 node 20`. */
const args = process.argv.slice(2);
for (let i = 0; i < args.length; i += 2) {
  const level = args[i] as SimLevel;
  for (let seed = 1; seed <= Number(args[i + 1]); seed++) {
    const { failure } = await runSeed(level, seed);
    if (failure === null) continue;
    console.log(`${level} seed ${seed}: ${failure.message.split('\n')[0]}`);
    process.exit(1);
  }
}
process.exit(0);
