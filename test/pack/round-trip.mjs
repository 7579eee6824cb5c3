// A node and a client in three lines, in memory and on disk: what the published package must do by itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, startNode } from 'millrace';

const folder = mkdtempSync(join(tmpdir(), 'millrace-round-trip-'));
for (const [name, options] of [['memory', {}], ['disk', { data: join(folder, 'data') }]]) {
  await using node = await startNode(options);
  await using client = await connect(node);
  await client.producer().send({ topic: 'greetings', value: 'hello' });
  for await (const record of client.consumer({ topics: ['greetings'] })) {
    console.log(`${name}: ${record.text()} ${record.offset}`);
    break;
  }
  // The thread that judges records is found, too.
  await client.admin().createTopics([{ topic: 'typed', configs: { 'millrace.value.schema': '{"type":"object"}' } }]);
  await client.producer().send({ topic: 'typed', value: '5' }).then(() => console.log('taken'), (error) => console.log(error.code));
}
rmSync(folder, { recursive: true });
