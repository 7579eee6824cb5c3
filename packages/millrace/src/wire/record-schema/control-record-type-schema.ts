// wire/record-schema/control-record-type-schema.ts - ControlRecordTypeSchema, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { int16 } from '../field.ts';

/** Key of a control record: its type (0 abort, 1 commit). */
export const ControlRecordTypeSchema = message({
  name: 'ControlRecordTypeSchema', versions: '0', flexible: 'none',
  fields: {
    type: int16(),
  },
});
