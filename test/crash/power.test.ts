// Power loss: a real node works on a real disk whose changes are recorded; the recording is cut at random places, unsynced changes are
// dropped, torn or reordered, and a real node is started on what is left. A hundred cuts on a push, a thousand in the full run.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startNode } from '../../packages/millrace/src/node/mod.ts';
import { prng } from '../../packages/millrace/src/testing/mod.ts';
import { cutPowerAt } from './power-cut.ts';
import { checkLeft, recordWork } from './recorded-work.ts';

const full = process.env['MILLRACE_TEST_FULL'] === '1';
const recordings = full ? 10 : 4;
const cutsEach = full ? 100 : 25;
const sizes = { tailBytes: 256 * 1024, journalFileBytes: 256 * 1024 };

for (let recording = 1; recording <= recordings; recording++) {
  test(`power cut at ${cutsEach} places of recording ${recording}`, { timeout: 30 * 60_000 }, async (t) => {
    const home = mkdtempSync(join(tmpdir(), 'millrace-power-'));
    const left = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'millrace-left-')); // in memory: a thousand starts need no real syncs
    try {
      const work = await recordWork(join(home, 'recorded'), sizes, recording);
      t.diagnostic(`${work.recorded.length} entries, ${work.acked.length} records acknowledged`);
      const random = prng(recording);
      for (let cut = 1; cut <= cutsEach; cut++) {
        const at = random.between(work.from, work.recorded.length);
        const seed = recording * 10_000 + cut;
        const folder = join(left, `cut-${cut}`);
        cutPowerAt(work.recorded, at, seed, folder);
        await assert.doesNotReject(async () => {
          await using node = await startNode({ data: folder, thread: 'caller', ...sizes });
          await checkLeft(node, work, at);
        }, `cut after ${at} of ${work.recorded.length} entries, seed ${seed}`);
        rmSync(folder, { recursive: true });
      }
    } finally {
      for (const folder of [home, left]) rmSync(folder, { recursive: true, force: true });
    }
  });
}
