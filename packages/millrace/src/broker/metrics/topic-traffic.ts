// broker/metrics/topic-traffic.ts - what went into a topic and out of it, as plain counts.
// Owns: the fields. Never: who adds to them (produce/, fetch/). T1 They only rise while the node runs, and start at zero with it.

/** The traffic of one topic since the node started, or since it was created. */
export class TopicTraffic {
  /** Records and bytes of batches that were appended for producers. */
  recordsIn = 0;
  bytesIn = 0;
  /** Offsets that readers were moved on by, and bytes of batches sent to them. */
  recordsOut = 0;
  bytesOut = 0;
  /** Partitions named in Produce and in Fetch requests, and those that were refused. */
  produceRequests = 0;
  fetchRequests = 0;
  produceFailures = 0;
  fetchFailures = 0;
}
