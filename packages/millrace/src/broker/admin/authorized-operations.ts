// broker/admin/authorized-operations.ts - what a client may do, as Kafka's bit fields: without authentication, everything.
// Bits are 1 << operation, by Kafka's numbers: read 3, write 4, create 5, delete 6, alter 7, describe 8, cluster action 9, describe
// configs 10, alter configs 11, idempotent write 12.

const bits = (...operations: number[]): number => operations.reduce((field, operation) => field | (1 << operation), 0);

/** Not asked for. */
export const operationsNotAsked = -2147483648;
/** All operations on a topic. */
export const topicOperations = bits(3, 4, 5, 6, 7, 8, 10, 11);
/** All operations on a group. */
export const groupOperations = bits(3, 6, 8, 10, 11);
/** All operations on the cluster. */
export const clusterOperations = bits(5, 7, 8, 9, 10, 11, 12);
