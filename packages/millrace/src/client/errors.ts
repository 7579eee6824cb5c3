// client/errors.ts - what the numbers that servers answer mean to a caller: a MillraceError that says what to do.
// Owns: the table from Kafka's error codes to codes of the catalogue, and what the client itself does about them (look up leaders
// or coordinators again). Never: the numbers' names (wire), retries (base/policy).
import { MillraceError, type ErrorCode } from '../base/mod.ts';
import { errorCodes as E, errorName } from '../wire/mod.ts';

/** What the client must look up again before it tries once more. */
export type StaleView = 'metadata' | 'coordinator' | 'controller' | null;

interface Meaning { readonly code: ErrorCode; readonly retry: boolean; readonly stale: StaleView; readonly state: string }

const says = (code: ErrorCode, retry: boolean, state: string, stale: StaleView = null): Meaning => ({ code, retry, stale, state });
const leaderMoved = (state: string): Meaning => says('not-leader', true, state, 'metadata');
const coordinatorMoved = (state: string): Meaning => says('not-leader', true, state, 'coordinator');
const refused = (what: string): Meaning => says('not-authorized', false, `${what}; ask for the right to it or connect as another user`);

const meanings: ReadonlyMap<number, Meaning> = new Map([
  [E.OFFSET_OUT_OF_RANGE, says('offset-out-of-range', false, 'the offset is before the start or after the end of the partition; seek or set a reset policy')],
  [E.CORRUPT_MESSAGE, says('corrupt-batch', true, 'a batch was damaged on its way')],
  [E.UNKNOWN_TOPIC_OR_PARTITION, says('topic-not-found', true, 'no such topic or partition', 'metadata')],
  [E.UNKNOWN_TOPIC_ID, says('topic-not-found', true, 'the topic was deleted, and perhaps created anew', 'metadata')],
  [E.INCONSISTENT_TOPIC_ID, says('topic-not-found', true, 'the topic was deleted and created anew', 'metadata')],
  [E.FETCH_SESSION_TOPIC_ID_ERROR, says('unavailable', true, 'the fetch session mixes topic names and ids')],
  [E.LEADER_NOT_AVAILABLE, leaderMoved('a leader is being elected')],
  [E.NOT_LEADER_OR_FOLLOWER, leaderMoved('another broker leads this partition')],
  [E.FENCED_LEADER_EPOCH, leaderMoved('this client knows an older leader')],
  [E.UNKNOWN_LEADER_EPOCH, leaderMoved('the server knows an older leader than this client')],
  [E.REPLICA_NOT_AVAILABLE, leaderMoved('the replica is not there')],
  [E.KAFKA_STORAGE_ERROR, says('storage-failed', true, 'the server has trouble with its disk', 'metadata')],
  [E.OFFSET_NOT_AVAILABLE, says('unavailable', true, 'the leader is new and does not know its end yet')],
  [E.PREFERRED_LEADER_NOT_AVAILABLE, leaderMoved('the preferred leader is away')],
  [E.LISTENER_NOT_FOUND, leaderMoved('the leader has no such listener')],
  [E.REQUEST_TIMED_OUT, says('timeout', true, 'the server did not finish in time')],
  [E.BROKER_NOT_AVAILABLE, says('unavailable', true, 'the broker is not available')],
  [E.NETWORK_EXCEPTION, says('disconnected', true, 'the server lost its connection')],
  [E.NOT_ENOUGH_REPLICAS, says('unavailable', true, 'too few replicas are in step')],
  [E.NOT_ENOUGH_REPLICAS_AFTER_APPEND, says('unavailable', true, 'written, but to too few replicas')],
  [E.NOT_CONTROLLER, says('not-leader', true, 'another broker is the controller', 'controller')],
  [E.THROTTLING_QUOTA_EXCEEDED, says('overloaded', true, 'over a quota; slow down')],
  [E.MESSAGE_TOO_LARGE, says('message-too-large', false, 'larger than the topic allows (max.message.bytes)')],
  [E.RECORD_LIST_TOO_LARGE, says('message-too-large', false, 'the batch is larger than a segment')],
  [E.INVALID_RECORD, says('record-refused', false, 'the server refused the record')],
  [E.INVALID_TIMESTAMP, says('record-refused', false, 'the timestamp is out of the range that the topic allows')],
  [E.UNSUPPORTED_COMPRESSION_TYPE, says('unsupported-version', false, 'the server does not know this compression')],
  [E.UNSUPPORTED_FOR_MESSAGE_FORMAT, says('unsupported-version', false, 'the stored format does not allow it')],
  [E.UNSUPPORTED_VERSION, says('unsupported-version', false, 'the server does not speak this version of the request')],
  [E.INVALID_TOPIC_EXCEPTION, says('invalid-argument', false, 'not a valid name of a topic')],
  [E.INVALID_REQUIRED_ACKS, says('invalid-argument', false, 'acks must be 0, 1 or all')],
  [E.INVALID_PARTITIONS, says('invalid-argument', false, 'not a valid number of partitions')],
  [E.INVALID_REPLICATION_FACTOR, says('invalid-argument', false, 'not a valid replication factor for the number of brokers')],
  [E.INVALID_REPLICA_ASSIGNMENT, says('invalid-argument', false, 'not a valid assignment of replicas')],
  [E.INVALID_CONFIG, says('invalid-argument', false, 'not a valid configuration')],
  [E.INVALID_REQUEST, says('invalid-argument', false, 'the server found the request malformed')],
  [E.INVALID_GROUP_ID, says('invalid-argument', false, 'not a valid name of a group')],
  [E.INVALID_SESSION_TIMEOUT, says('invalid-argument', false, 'the session timeout is out of the range that the server allows')],
  [E.INVALID_COMMIT_OFFSET_SIZE, says('invalid-argument', false, 'the metadata of the commit is too long')],
  [E.OFFSET_METADATA_TOO_LARGE, says('invalid-argument', false, 'the metadata of the commit is too long')],
  [E.POLICY_VIOLATION, says('invalid-argument', false, 'a policy of the server forbids it')],
  [E.TOPIC_ALREADY_EXISTS, says('topic-exists', false, 'a topic of that name is there already')],
  [E.TOPIC_DELETION_DISABLED, says('invalid-argument', false, 'the server does not allow topics to be deleted')],
  [E.COORDINATOR_LOAD_IN_PROGRESS, says('unavailable', true, 'the coordinator is loading')],
  [E.COORDINATOR_NOT_AVAILABLE, coordinatorMoved('there is no coordinator yet')],
  [E.NOT_COORDINATOR, coordinatorMoved('another broker coordinates')],
  [E.REBALANCE_IN_PROGRESS, says('rebalance', true, 'the group is changing')],
  [E.ILLEGAL_GENERATION, says('rebalance', true, 'the group has moved on')],
  [E.UNKNOWN_MEMBER_ID, says('unknown-member', true, 'the group does not know this member (any more)')],
  [E.STALE_MEMBER_EPOCH, says('rebalance', true, 'the group has moved on')],
  [E.FENCED_MEMBER_EPOCH, says('rebalance', true, 'the group has gone on without this member')],
  [E.UNRELEASED_INSTANCE_ID, says('fenced', false, 'another member has the same instance id and lives; give each its own')],
  [E.UNSUPPORTED_ASSIGNOR, says('invalid-argument', false, 'the server does not know this assignor')],
  [E.INVALID_REGULAR_EXPRESSION, says('invalid-argument', false, 'the server does not take the pattern: its syntax is that of RE2, without looking around and backreferences')],
  [E.MEMBER_ID_REQUIRED, says('rebalance', true, 'join again with the member id that was given')],
  [E.FENCED_INSTANCE_ID, says('fenced', false, 'another member has the same instance id; give each its own')],
  [E.INCONSISTENT_GROUP_PROTOCOL, says('invalid-argument', false, 'the other members share no assignor with this one; set `assignors` to one they have')],
  [E.FENCED_MEMBER_EPOCH, says('unknown-member', true, 'the group has gone on without this member')],
  [E.INVALID_RECORD_STATE, says('fenced', false, 'this consumer does not hold the record (any more): its lock expired, or something was said of it already')],
  [E.SHARE_SESSION_NOT_FOUND, says('unavailable', true, 'the server knows no such share session')],
  [E.INVALID_SHARE_SESSION_EPOCH, says('unavailable', true, 'a request of the share session was lost or repeated')],
  [E.SHARE_SESSION_LIMIT_REACHED, says('overloaded', true, 'the server has as many share sessions as it allows')],
  [E.GROUP_MAX_SIZE_REACHED, says('overloaded', false, 'the group is full')],
  [E.UNSTABLE_OFFSET_COMMIT, says('unavailable', true, 'a transaction still holds offsets of the group')],
  [E.NON_EMPTY_GROUP, says('group-not-empty', true, 'the group still has members; stop them first')],
  [E.GROUP_SUBSCRIBED_TO_TOPIC, says('group-not-empty', true, 'members of the group still read the topic; stop them first')],
  [E.GROUP_ID_NOT_FOUND, says('group-not-found', false, 'no such group')],
  [E.OUT_OF_ORDER_SEQUENCE_NUMBER, says('out-of-sequence', false, 'the server misses records before this one')],
  [E.UNKNOWN_PRODUCER_ID, says('out-of-sequence', false, 'the server has forgotten this producer')],
  [E.INVALID_PRODUCER_EPOCH, says('fenced', false, 'a newer producer of the same id took over')],
  [E.PRODUCER_FENCED, says('fenced', false, 'a newer producer of the same id took over')],
  [E.INVALID_PRODUCER_ID_MAPPING, says('fenced', false, 'the server gave the transactional id to another producer, or has forgotten it')],
  [E.INVALID_TXN_STATE, says('transaction-aborted', true, 'no such transaction is open; the server aborted it, perhaps because its time was over')],
  [E.TRANSACTION_ABORTABLE, says('transaction-aborted', true, 'the transaction can only be aborted')],
  [E.INVALID_TRANSACTION_TIMEOUT, says('invalid-argument', false, 'the transaction timeout is longer than the server allows (transaction.max.timeout.ms)')],
  [E.TRANSACTIONAL_ID_NOT_FOUND, says('not-found', false, 'no such transactional id')],
  [E.CONCURRENT_TRANSACTIONS, says('unavailable', true, 'another transaction is being ended')],
  [E.TOPIC_AUTHORIZATION_FAILED, refused('no right to this topic')],
  [E.GROUP_AUTHORIZATION_FAILED, refused('no right to this group')],
  [E.CLUSTER_AUTHORIZATION_FAILED, refused('no right to do this on the cluster')],
  [E.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, refused('no right to this transactional id')],
  [E.SECURITY_DISABLED, says('invalid-argument', false, 'the server checks no access rules; it must be started with an authorizer (authorizer.class.name)')],
  [E.SASL_AUTHENTICATION_FAILED, says('authentication-failed', false, 'the server did not accept the credentials')],
  [E.UNSUPPORTED_SASL_MECHANISM, says('invalid-argument', false, 'there is no such mechanism')],
  [E.UNACCEPTABLE_CREDENTIAL, says('invalid-argument', false, 'the server does not take this user or password')],
  [E.DUPLICATE_RESOURCE, says('invalid-argument', false, 'the request names it twice')],
  [E.RESOURCE_NOT_FOUND, says('not-found', false, 'there is no such thing')],
  [E.UNKNOWN_SERVER_ERROR, says('server-error', false, 'the server failed in an unexpected way; see its log')],
]);

/**
 * The error for a number that a server answered. `what` completes "Cannot <what>: <state> (<KAFKA_NAME>)"; the server's own words
 * are added. `data.retry` overrides what the number says; `data.kafkaCode` keeps the number and `data.stale` what to look up again.
 */
export function kafkaError(errorCode: number, what: string, data: Record<string, unknown> = {}, serverSays: string | null = null): MillraceError {
  const meaning = meanings.get(errorCode) ?? says('server-error', false, 'the server refused');
  const words = serverSays && serverSays.length > 0 ? `; it said: ${serverSays}` : '';
  return new MillraceError(meaning.code, `Cannot ${what}: ${meaning.state} (${errorName(errorCode)})${words}`, {
    retry: meaning.retry, ...data, kafkaCode: errorCode, stale: meaning.stale,
  });
}

/** What to look up again after this error; null when nothing. */
export function staleView(errorCode: number): StaleView {
  return meanings.get(errorCode)?.stale ?? null;
}

/** True when the same request may succeed a little later. */
export function isRetriable(errorCode: number): boolean {
  return meanings.get(errorCode)?.retry ?? false;
}
