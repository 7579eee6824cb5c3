// base/limits.ts - every size and count that can grow has its bound here, and the bounds agree with each other.
// Each room adds its own group; defaults that a user may change are named *Default.
import { assert } from './assert.ts';
import { GiB, KiB, MiB } from './units.ts';

/** Bounds of the whole system, grouped by room. Units are in the names. */
export const limits = {
  wire: {
    /** Largest request frame accepted from a socket (socket.request.max.bytes). */
    frameBytesMax: 100 * MiB,
    /** Lengths and counts are bounded by the frame itself; this bounds what many tiny elements can grow to as objects. */
    elementsMax: 1 << 21,
    /** What the records of one batch may decompress to. */
    recordsBytesMax: 128 * MiB,
    batchHeaderBytes: 61,
  },
  log: {
    /** Largest batch (max.message.bytes is per topic and at most this). */
    batchBytesMax: 64 * MiB,
    segmentBytesDefault: 1 * GiB,
    /** A group commit closes at this size so that small acks do not wait for large ones. */
    groupBytesMax: 4 * MiB,
    indexIntervalBytes: 4 * KiB,
    /** Memory for recent appends (the tail), and its smallest useful size. */
    tailBytesDefault: 64 * MiB,
    tailBytesMin: 1 * MiB,
    /** Size of a journal file, how many there may be, and its smallest useful size. */
    journalFileBytesDefault: 64 * MiB,
    journalFileBytesMin: 256 * KiB,
    journalFilesMax: 12,
    /** Segment files held open at once; the least recently used is closed first. */
    openFilesMax: 1024,
    /** A background write to segments gathers this much. */
    flushPieceBytes: 4 * MiB,
    /** Memory lent to readers of old data at once; past it reads are refused with 'overloaded'. */
    readBytesMax: 256 * MiB,
    /** Reads of old data under way at once; others wait their turn. */
    coldReadsMax: 16,
    /** Old data read before readers in order ask for it, of all of them together. */
    readAheadBytesMax: 32 * MiB,
    /** Read memory kept for reuse. */
    readBytesKept: 32 * MiB,
    /** Index entries of sealed segments kept in memory. */
    indexCacheBytes: 32 * MiB,
    /** Memory of compaction for keys (log.cleaner.dedupe.buffer.size) and for what it reads (log.cleaner.io.buffer.size), and its threads at most. */
    compactionMapBytesDefault: 128 * MiB,
    compactionBufferBytesDefault: 512 * KiB,
    compactionThreadsMax: 8,
  },
  broker: {
    /** Requests of one connection being worked on; past it its socket is not read. */
    requestsPerConnectionMax: 256,
    /** Bytes of responses of one connection not yet taken by the operating system; past it no further request of it is begun. */
    responseBytesPerConnectionMax: 4 * MiB,
    /** Requests begun in one turn of the loop, and of one connection while others wait to begin theirs. */
    requestsPerTurnMax: 256,
    requestsAtOnceMax: 4,
    /** Answers of a connection that leave together are written at once up to this; more leave in slices, in turn with those of others. */
    sendAtOnceBytesMax: 16 * KiB,
    /** Bytes that one connection writes when its turn comes and others wait, and that all large answers take in one turn of the loop. */
    sendSliceBytesMax: 256 * KiB,
    sendBytesPerTurnMax: 2 * MiB,
    /** What a fetch may take when the memory for responses is used up, if its client has taken all earlier answers. */
    fetchBytesAlways: 64 * KiB,
    /** Requests of all connections together (queued.max.request.bytes). */
    requestMemoryBytesDefault: 128 * MiB,
    /** Responses of all connections together (millrace.response.memory.bytes). */
    responseMemoryBytesDefault: 128 * MiB,
    /** Partitions of one topic, and of the whole node. */
    partitionsPerTopicMax: 10_000,
    partitionsMax: 100_000,
    /** Batches without records (of 2^31 offsets at most) that one import may put in. */
    importFillersMax: 1_000,
    /** Length of a topic's name. */
    topicNameLengthMax: 249,
    /** Batches remembered per producer and partition for telling duplicates. */
    producerBatchesMax: 5,
    /** Producers remembered per partition; the longest silent gives way. */
    producersPerPartitionMax: 10_000,
    /** Transactional ids of a node, and partitions of one transaction: its end is one group of the journal. */
    transactionalIdsMax: 100_000,
    transactionPartitionsMax: 10_000,
    /** Access rules of a node, characters of one, and rules changed by one request. */
    aclsMax: 100_000,
    aclLengthMax: 4096,
    aclChangesMax: 10_000,
    /** Answers of the authorizer that are remembered; past it all are forgotten. */
    authorizationAnswersMax: 200_000,
    /** Lines about refused requests; past it they are counted only. */
    auditLinesPerSecondMax: 10,
    /** Entities (users, clients, addresses) that have quotas, and what of their use is remembered: who was idle the longest is forgotten first. */
    quotaEntitiesMax: 100_000,
    quotaNameLengthMax: 4096,
    quotaMetersMax: 20_000,
    /** Longest pause that a client over its quota is told to make. */
    throttleMsMax: 3_600_000,
  },
  security: {
    /** Memory for what clients send before it is known who they are, of all of them together. */
    strangersMemoryBytes: 64 * MiB,
    /** Credentials of SCRAM on a node, and what one may hold. */
    scramUsersMax: 100_000,
    userNameLengthMax: 255,
    saltBytesMax: 1024,
    /** Most iterations that a client calculates for a server: a fraction of a second. */
    scramIterationsMax: 131_072,
  },
  client: {
    /** Largest response accepted: a server never sends more than a fetch asked for plus one batch that is larger. */
    responseBytesMax: 256 * MiB,
    /** Requests of one connection that may wait for their answers. */
    requestsInFlightMax: 1_000,
    /** Bytes of records waiting to be acknowledged (buffer.memory); send() waits past it. */
    producerBufferBytesDefault: 32 * MiB,
    /** A batch closes at this size. */
    producerBatchBytesDefault: 256 * KiB,
    /** Produce requests in flight to one broker (and batches of one partition): what servers remember of a producer. */
    producerInFlightMax: 5,
    /** Bytes of one fetch response, and of one partition in it. */
    fetchBytesDefault: 16 * MiB,
    fetchPartitionBytesDefault: 2 * MiB,
    /** Bytes fetched ahead of the reader, over all partitions of a consumer. */
    prefetchBytesDefault: 32 * MiB,
  },
  schema: {
    /** Text of a JSON Schema, how deep it may be nested, and compiled ones kept. */
    textCharsMax: 64 * KiB,
    depthMax: 64,
    compiledMax: 1_000,
    /** What a pattern in a schema may be: characters, and steps that matching takes per character. */
    patternSizeMax: 10_000,
    /** What the records of a batch that is checked may decompress to. */
    recordsBytesMax: 64 * MiB,
    /** Longest check of one batch, and of one schema; past it the batch is refused. */
    checkMsMax: 5_000,
    /** Memory of the thread that checks, in MiB. */
    threadMemoryMiB: 512,
    /** Words told about one bad record, and about all of a batch. */
    faultCharsEach: 300,
    faultCharsMax: 16 * KiB,
  },
  world: {
    /** Brokers that one node plays, rules of a fault plan, how long an answer is held, leaders and coordinators moved. */
    brokersMax: 16,
    rulesMax: 100,
    delayMsMax: 600_000,
    movesMax: 100_000,
  },
  group: {
    /** Members of one group whatever group.max.size says, and ids promised to newcomers of one group. */
    membersMax: 10_000,
    /** Groups of one node; past it new ones are refused until old ones expire or are deleted. */
    groupsMax: 100_000,
    /** Records of one batch of the offsets topic. */
    recordsPerBatchMax: 1_000,
    /** Bytes of one batch of the offsets topic past which the next record starts another. */
    batchBytesTarget: 256 * KiB,
    /** The offsets topic is rewritten when it holds this much and this many times what a fresh copy takes. */
    snapshotBytesMin: 8 * MiB,
    snapshotFactor: 4,
    /** Patterns whose topics are remembered, and what one may be: characters, and steps that matching takes per character of a name. */
    patternsMax: 1_000,
    patternSizeMax: 2_000,
  },
  metrics: {
    /** Topics, partitions and groups that one scrape lists, the oldest first; what is left out is counted. */
    topicsMax: 2_000,
    partitionsMax: 20_000,
    groupsMax: 2_000,
    /** Series of groups' lag: a group may read many topics. */
    groupSeriesMax: 20_000,
    /** A scrape takes at most this much of the log's thread at once, in time and in lines, then leaves it to others for a while. */
    turnMsMax: 1,
    turnLinesMax: 500,
    turnPauseMs: 4,
    /** Times of appends remembered per partition. */
    arrivalsPerPartition: 64,
    /** Positions per partition whose time was looked up in the log, and look-ups of one scrape. */
    foundTimesPerPartition: 16,
    lookUpsPerScrape: 256,
    lookUpsAtOnce: 16,
    /** Longest name of a client in a line of the log. */
    clientIdLengthMax: 100,
    /** Connections to the endpoint, and how long one may take for a request, or to read its answer. */
    connectionsMax: 64,
    answerMsMax: 30_000,
    /** Bytes of answers that all connections have not taken; past it scrapes are refused. */
    answerBytesMax: 64 * MiB,
    /** How long the node's thread may take for a sign of life before it counts as stuck. */
    pulseMsMax: 5_000,
  },
  share: {
    /** Share groups of one node, and partitions that all of them together have a state of. */
    groupsMax: 10_000,
    partitionsMax: 100_000,
    /** Groups that have a configuration of their own. */
    groupConfigsMax: 100_000,
    /** Bytes of one batch of the partition that holds the states, and of dead letters that are written with a change as one. */
    batchBytesTarget: 256 * KiB,
    deadLetterBytesMax: 2 * MiB,
    /** That partition is rewritten when it holds this much and this many times what a fresh copy takes. */
    snapshotBytesMin: 4 * MiB,
    snapshotFactor: 4,
  },
} as const;

assert(limits.metrics.turnMsMax + limits.metrics.turnPauseMs <= 5, 'a scrape leaves most of the thread to others');
assert(limits.wire.frameBytesMax > limits.log.batchBytesMax, 'a request can carry the largest batch');
assert(limits.broker.requestMemoryBytesDefault >= limits.wire.frameBytesMax, 'the largest request fits the memory for requests');
assert(limits.broker.responseMemoryBytesDefault >= limits.log.batchBytesMax, 'the largest batch fits the memory for responses');
assert(limits.security.strangersMemoryBytes >= 64 * 512 * KiB, 'many clients can say at once who they are');
assert(limits.broker.requestsAtOnceMax < limits.broker.requestsPerTurnMax, 'several connections begin requests in a turn');
assert(limits.broker.sendAtOnceBytesMax <= limits.broker.sendSliceBytesMax, 'what is written at once is no more than a slice');
assert(limits.broker.sendSliceBytesMax <= limits.broker.sendBytesPerTurnMax, 'a slice fits a turn');
assert(limits.client.responseBytesMax > limits.client.fetchBytesDefault + limits.log.batchBytesMax, 'a client takes a full fetch and one batch more');
assert(limits.client.producerBufferBytesDefault > 2 * limits.client.producerBatchBytesDefault, 'a producer can fill one batch while another is on its way');
assert(limits.log.groupBytesMax < limits.log.journalFileBytesDefault, 'a journal file holds many groups');
assert(limits.share.batchBytesTarget + limits.share.deadLetterBytesMax < limits.log.groupBytesMax, 'dead letters go with their change');
assert(limits.log.flushPieceBytes * 4 <= limits.log.tailBytesDefault, 'a flush leaves room for appends');
