// A typed program of somebody else: the declarations must be complete and right.
import { connect, startNode, type Client, type ConsumedRecord, type Node } from 'millrace';
import { connect as connectLight } from 'millrace/client';

const node: Node = await startNode({ config: { 'num.partitions': '2' } });
const client: Client = await connect(node);
const { offset } = await client.producer().send({ topic: 'typed', key: 'k', value: 'v', partition: 1 });
const next: number = offset + 1;
const records: ConsumedRecord[] = [];
for await (const record of client.consumer({ topics: ['typed'] })) {
  records.push(record);
  break;
}
console.log(`typed: ${next}`);
// @ts-expect-error a topic is needed
void (() => client.producer().send({ value: 'v' }));
void connectLight;
await client.close();
await node.close();
