// wire/own/import-batches.ts - a message pair of Millrace's own: batches that keep their offsets, for a topic that is being moved here.
// Its key lies far above Kafka's, which grow by a few a year; clients that do not know it leave it alone. Documented in docs/formats/messages.md.
import { api } from '../api.ts';
import { array, int16, int32, int64, nullable, records, string, struct, wide64 } from '../field.ts';

/** Puts batches at the offsets that they bear into partitions of a topic that was created to be imported. */
export const ImportBatches = api({
  name: 'ImportBatches', key: 900, versions: '0', flexible: '0+',
  request: {
    topics: array(struct({
      name: string(),
      /** What the topic says in millrace.import.from: another source is refused. */
      source: string(),
      partitions: array(struct({
        index: int32(),
        /** First offset of the source: what lies before is gone there; -1 to leave it. */
        startOffset: wide64({ default: -1 }),
        /** End of the source: the partition goes on from there at least, also where its last offsets have no records; -1 to leave it. */
        endOffset: wide64({ default: -1 }),
        records: nullable(records({ default: null })),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      partitions: array(struct({
        index: int32(),
        errorCode: int16(),
        errorMessage: nullable(string({ default: null })),
        /** Where the partition ends now: what the next request goes on from. */
        endOffset: int64({ default: -1 }),
      })),
    })),
  },
});
