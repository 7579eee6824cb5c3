// wire/record-schema/offset-commit-key.ts - OffsetCommitKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { int32, string } from '../field.ts';

/** Key of a stored group offset (record type 1). */
export const OffsetCommitKey = message({
  name: 'OffsetCommitKey', versions: '0', flexible: 'none',
  fields: {
    group: string(),
    topic: string(),
    partition: int32(),
  },
});
