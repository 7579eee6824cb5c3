// test/conformance/drivers/whole-sends.ts - for clients whose producers take a list of records and answer once for all of them.
// Owns: which offset each record got, and a load made of such sends, one after the other. Never: the client's call itself.

import type { Ack, Load, LoadRequest, LoadResult, ProduceRequest } from '../driver.ts';

/** Where each record of a send is. One send makes one batch for each partition, so offsets follow from those of the batches; -1 where the client did not tell. */
export function placeAcks(request: ProduceRequest, bases: readonly { partition: number; offset: number }[]): Ack[] {
  const next = new Map(bases.map(({ partition, offset }) => [partition, offset]));
  return request.messages.map(({ partition = bases.length === 1 ? bases[0]!.partition : -1 }) => {
    const offset = next.get(partition) ?? -1;
    if (offset >= 0) next.set(partition, offset + 1);
    return { partition, offset };
  });
}

/** A load of sends, each begun when the one before was answered; `codeOf` names the error of a failed one. */
export function startWholeSends(
  request: LoadRequest,
  send: (records: { key: string; value: string }[]) => Promise<unknown>, codeOf: (error: unknown) => string, close: () => Promise<unknown>,
): Load {
  const result: LoadResult = { acked: [], failed: [] };
  let isStopping = false;
  const sending = (async () => {
    for (let sent = 0; !isStopping;) {
      const records = Array.from({ length: Math.max(1, Math.ceil(request.rate / 50)) }, () => ({ key: sent % request.keys, number: Math.floor(sent++ / request.keys) }));
      try {
        await send(records.map(({ key, number }) => ({ key: `k${key}`, value: `${key}:${number}` })));
        result.acked.push(...records.map((record) => ({ ...record, partition: -1, offset: -1 })));
      } catch (error) {
        result.failed.push(...records.map((record) => ({ ...record, error: codeOf(error) })));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    ackedCount: async () => result.acked.length,
    async stop() {
      isStopping = true;
      await sending;
      await close();
      return result;
    },
  };
}
