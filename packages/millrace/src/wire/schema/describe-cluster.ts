// wire/schema/describe-cluster.ts - DescribeCluster (key 60), versions 0-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, bool, int16, int32, int8, nullable, string, struct } from '../field.ts';

/** Names the brokers and the controller. */
export const DescribeCluster = api({
  name: 'DescribeCluster', key: 60, versions: '0-2', flexible: '0+',
  request: {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8('1+', { default: 1 }),
    includeFencedBrokers: bool('2+'),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullable(string({ default: null })),
    endpointType: int8('1+', { default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array(struct({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: nullable(string({ default: null })),
      isFenced: bool('2+'),
    })),
    clusterAuthorizedOperations: int32({ default: -2147483648 }),
  },
});
