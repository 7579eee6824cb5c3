// wire/decoders.fuzz.test.ts - a short seeded run of the fuzzer, in a thread whose heap holds less than a hostile count would ask for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fuzzDecoders, type FuzzResult } from './decoders.fuzz.ts';

if (isMainThread) {
  test('cut, flipped and hostile bytes: a clear refusal each time, within a small heap', async (t) => {
    const result = await inSmallHeap({ seed: 20261121, rounds: 40 });
    t.diagnostic(`${result.refused} refused, ${result.taken} taken`);
    assert.ok(result.refused > 10_000 && result.taken > 1_000, 'the damage reaches all kinds of places');
  });
} else {
  parentPort!.postMessage(fuzzDecoders(workerData.seed, workerData.rounds));
}

function inSmallHeap(of: { seed: number; rounds: number }): Promise<FuzzResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: of, resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 } });
    worker.once('message', resolve).once('error', reject);
  });
}
