// wire/schema/alter-replica-log-dirs.ts - AlterReplicaLogDirs (key 34), versions 1-2.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, string, struct } from '../field.ts';

/** Moves replicas between the data folders of a broker. */
export const AlterReplicaLogDirs = api({
  name: 'AlterReplicaLogDirs', key: 34, versions: '1-2', flexible: '2+',
  request: {
    dirs: array(struct({
      path: string(),
      topics: array(struct({
        name: string(),
        partitions: array(int32()),
      })),
    })),
  },
  response: {
    throttleTimeMs: int32(),
    results: array(struct({
      topicName: string(),
      partitions: array(struct({
        partitionIndex: int32(),
        errorCode: int16(),
      })),
    })),
  },
});
