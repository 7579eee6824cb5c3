// wire/record-schema/consumer-group-regular-expression-value.ts - ConsumerGroupRegularExpressionValue, versions 0.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, int64, string } from '../field.ts';

/** The topics that a pattern stands for. */
export const ConsumerGroupRegularExpressionValue = message({
  name: 'ConsumerGroupRegularExpressionValue', versions: '0', flexible: '0+',
  fields: {
    topics: array(string()),
    version: int64(),
    timestamp: int64(),
  },
});
