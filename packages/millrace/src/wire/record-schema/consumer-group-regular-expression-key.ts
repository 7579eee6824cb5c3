// wire/record-schema/consumer-group-regular-expression-key.ts - ConsumerGroupRegularExpressionKey, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { string } from '../field.ts';

/** Key of a pattern that a consumer group subscribes to (record type 16). */
export const ConsumerGroupRegularExpressionKey = message({
  name: 'ConsumerGroupRegularExpressionKey', versions: '0', flexible: 'none',
  fields: {
    groupId: string(),
    regularExpression: string(),
  },
});
