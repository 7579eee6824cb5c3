// cli/consume-share.ts - `millrace consume --share-group`: prints records that a share group hands out.
// Owns: when it has had enough. Never: flags (consume.ts), how a record looks (records-out.ts).
// S1 A record is accepted when it has been printed, and only then. S2 Without --follow it ends when nothing has come for a second: records that other members
// hold may come later.
import { isMillraceError } from '../base/mod.ts';
import type { Client, ShareConsumer } from '../client/mod.ts';
import { Exit } from './exit-codes.ts';
import { lineOf, type OutputForm } from './records-out.ts';
import type { Shell } from './shell.ts';
import { grouped } from './table.ts';

const idleMs = 1_000;
const checkMs = 50;

/** What to read, and how much. */
export interface ShareJob { readonly topics: readonly string[]; readonly group: string; readonly from?: 'earliest' | 'latest'; readonly follow: boolean; readonly max: number; readonly form: OutputForm }

/** Runs it. */
export async function consumeShare(shell: Shell, client: Client, job: ShareJob): Promise<void> {
  const admin = client.admin();
  await admin.describeTopics(job.topics); // says which one is not there
  if (job.from !== undefined) await admin.alterConfigs([{ kind: 'group', name: job.group, set: { 'share.auto.offset.reset': job.from } }]);
  const isEndless = job.max === Number.POSITIVE_INFINITY;
  await using consumer = client.shareConsumer({ group: job.group, topics: job.topics, acknowledgement: 'explicit', ...(isEndless ? {} : { acquire: 'exact', recordsMax: Math.min(job.max, 500) }) });
  const count = await print(shell, consumer, job);
  for (const { topic, partition, error } of await consumer.commit()) {
    if (error !== null) shell.err.line(`Records of ${topic}-${partition} were printed and may come again: ${error.message}`);
  }
  if (shell.stop.aborted && !job.follow) throw new Exit('interrupted');
  if (!shell.err.interactive) return;
  if (count === 0) shell.err.line('No records for this group now. A new share group begins at the end: give --from earliest to begin at the start. Wait for new ones with --follow.');
  else if (job.form.kind !== 'json') shell.err.line(shell.err.style('dim', `${grouped(count)} record${count === 1 ? '' : 's'}`));
}

async function print(shell: Shell, consumer: ShareConsumer, job: ShareJob): Promise<number> {
  let count = 0;
  let sinceMs = Infinity;
  const stop = (): void => { void consumer.close(); };
  shell.stop.addEventListener('abort', stop);
  const timer = setInterval(() => {
    if (consumer.assignment.length > 0) sinceMs = Math.min(sinceMs, performance.now());
    if (!job.follow && performance.now() - sinceMs > idleMs) stop();
  }, checkMs);
  try {
    if (shell.stop.aborted) return 0;
    for await (const records of consumer.batches()) {
      for (const record of records) {
        if (count >= job.max) { record.release(); continue; }
        shell.out.write(`${lineOf(record, job.form)}\n`);
        count++;
      }
      await shell.out.drained();
      for (const record of records) if (record.fate === 'held') record.accept(); // S1
      sinceMs = performance.now();
      if (count >= job.max) break;
    }
  } catch (error) {
    if (!isMillraceError(error, 'closed')) throw error;
  } finally {
    clearInterval(timer);
    shell.stop.removeEventListener('abort', stop);
  }
  return count;
}
