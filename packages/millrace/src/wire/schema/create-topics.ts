// wire/schema/create-topics.ts - CreateTopics (key 19), versions 2-7.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct, uuid } from '../field.ts';

/** Creates topics. */
export const CreateTopics = api({
  name: 'CreateTopics', key: 19, versions: '2-7', flexible: '5+',
  request: {
    topics: array(struct({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array(struct({
        partitionIndex: int32(),
        brokerIds: array(int32()),
      })),
      configs: array(struct({
        name: string(),
        value: nullable(string()),
      })),
    })),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array(struct({
      name: string(),
      topicId: uuid('7+'),
      errorCode: int16(),
      errorMessage: nullable(string()),
      topicConfigErrorCode: int16('5+', { tag: 0 }),
      numPartitions: int32('5+', { default: -1 }),
      replicationFactor: int16('5+', { default: -1 }),
      configs: nullable(array(struct({
        name: string(),
        value: nullable(string()),
        readOnly: bool(),
        configSource: int8({ default: -1 }),
        isSensitive: bool(),
      }), '5+')),
    })),
  },
});
