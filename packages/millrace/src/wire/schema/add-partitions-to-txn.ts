// wire/schema/add-partitions-to-txn.ts - AddPartitionsToTxn (key 24), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string, struct } from '../field.ts';

const addPartitionsToTxnTopicOfRequest = {
  name: string(),
  partitions: array(int32()),
};

const addPartitionsToTxnPartitionResultOfResponse = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
};

const addPartitionsToTxnTopicResultOfResponse = {
  name: string(),
  resultsByPartition: array(struct(addPartitionsToTxnPartitionResultOfResponse)),
};

/** Adds partitions to a transaction. */
export const AddPartitionsToTxn = api({
  name: 'AddPartitionsToTxn', key: 24, versions: '0-5', flexible: '3+',
  request: {
    transactions: array(struct({
      transactionalId: string(),
      producerId: int64(),
      producerEpoch: int16(),
      verifyOnly: bool(),
      topics: array(struct(addPartitionsToTxnTopicOfRequest)),
    }), '4+'),
    v3AndBelowTransactionalId: string('0-3'),
    v3AndBelowProducerId: int64('0-3'),
    v3AndBelowProducerEpoch: int16('0-3'),
    v3AndBelowTopics: array(struct(addPartitionsToTxnTopicOfRequest), '0-3'),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16('4+'),
    resultsByTransaction: array(struct({
      transactionalId: string(),
      topicResults: array(struct(addPartitionsToTxnTopicResultOfResponse)),
    }), '4+'),
    resultsByTopicV3AndBelow: array(struct(addPartitionsToTxnTopicResultOfResponse), '0-3'),
  },
});
