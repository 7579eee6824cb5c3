// wire/schema/delete-topics.ts - DeleteTopics (key 20), versions 1-6.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, nullable, string, struct, uuid } from '../field.ts';

/** Deletes topics by name or id. */
export const DeleteTopics = api({
  name: 'DeleteTopics', key: 20, versions: '1-6', flexible: '4+',
  request: {
    topics: array(struct({
      name: nullable(string({ default: null })),
      topicId: uuid(),
    }), '6+'),
    topicNames: array(string(), '1-5'),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array(struct({
      name: nullable(string(), '6+'),
      topicId: uuid('6+'),
      errorCode: int16(),
      errorMessage: nullable(string('5+', { default: null })),
    })),
  },
});
