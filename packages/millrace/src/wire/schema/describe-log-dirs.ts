// wire/schema/describe-log-dirs.ts - DescribeLogDirs (key 35), versions 1-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, nullable, string, struct, wide64 } from '../field.ts';

/** Reports the data folders of a broker and the size of each partition in them. */
export const DescribeLogDirs = api({
  name: 'DescribeLogDirs', key: 35, versions: '1-5', flexible: '2+',
  request: {
    topics: nullable(array(struct({
      topic: string(),
      partitions: array(int32()),
    }))),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16('3+'),
    results: array(struct({
      errorCode: int16(),
      logDir: string(),
      topics: array(struct({
        name: string(),
        partitions: array(struct({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: bool(),
        })),
      })),
      totalBytes: wide64('4+', { default: -1 }),
      usableBytes: wide64('4+', { default: -1 }),
      isCordoned: bool('5+'),
    })),
  },
});
