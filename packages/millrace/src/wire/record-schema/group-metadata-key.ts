// wire/record-schema/group-metadata-key.ts - GroupMetadataKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of a classic group (record type 2). */
export const GroupMetadataKey = message({
  name: 'GroupMetadataKey', versions: '0', flexible: 'none',
  fields: {
    group: string(),
  },
});
