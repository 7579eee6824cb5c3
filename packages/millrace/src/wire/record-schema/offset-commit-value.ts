// wire/record-schema/offset-commit-value.ts - OffsetCommitValue, versions 0-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { int32, int64, string, uuid, wide64 } from '../field.ts';

/** Value of a stored group offset. */
export const OffsetCommitValue = message({
  name: 'OffsetCommitValue', versions: '0-4', flexible: '4+',
  fields: {
    offset: wide64(),
    leaderEpoch: int32('3+', { default: -1 }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: wide64('1', { default: -1 }),
    topicId: uuid('4+', { tag: 0 }),
  },
});
