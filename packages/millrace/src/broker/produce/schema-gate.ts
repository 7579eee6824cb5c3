// broker/produce/schema-gate.ts - where batches wait until their records are judged, in the order in which they came.
// Owns: one line per partition. Never: judging (validator.ts), appending (produce.ts).
// N1 Batches of a partition go on in the order in which they came, also those that need no judgement while others wait. N2 Judging goes on side by side.
// Bounded by the memory for requests: each batch belongs to a request that is not answered yet. Cost when no topic has a schema: none.
import type { TopicPartition } from '../topics/topic.ts';
import type { RecordFault } from './check-batch.ts';
import type { TopicSchemas, Validator } from './validator.ts';

const noFaults: readonly RecordFault[] = [];

interface Waiting {
  faults: readonly RecordFault[] | null;
  /** Goes on with the batch; false when there is no room in the log for the moment. */
  readonly goOn: (faults: readonly RecordFault[]) => boolean;
}

/** The lines of a node. */
export class SchemaGate {
  readonly #validator: Validator;
  readonly #whenRoom: (callback: () => void) => void;
  readonly #lines = new Map<TopicPartition, Waiting[]>();

  constructor(validator: Validator, whenRoom: (callback: () => void) => void) {
    this.#validator = validator;
    this.#whenRoom = whenRoom;
  }

  /** True when a batch of this partition must go through the gate. */
  guards(partition: TopicPartition): boolean {
    return partition.topic.settings.schemas !== null || (this.#lines.size > 0 && this.#lines.has(partition));
  }

  /** Has the batch judged, and calls `goOn` when it is its turn. `bytes` are the gate's from now on. */
  enter(partition: TopicPartition, bytes: Uint8Array, goOn: Waiting['goOn']): void {
    const { schemas } = partition.topic.settings;
    const waiting: Waiting = { faults: schemas === null ? noFaults : null, goOn };
    const line = this.#lines.get(partition);
    if (line === undefined) this.#lines.set(partition, [waiting]);
    else line.push(waiting);
    if (schemas === null) return this.#advance(partition);
    void this.#validator.judge(schemas, bytes).then((faults) => {
      waiting.faults = faults;
      this.#advance(partition);
    });
  }

  #advance(partition: TopicPartition): void {
    const line = this.#lines.get(partition);
    if (line === undefined) return;
    while (line.length > 0 && line[0]!.faults !== null) {
      if (!line[0]!.goOn(line[0]!.faults)) return this.#whenRoom(() => this.#advance(partition));
      line.shift();
    }
    if (line.length === 0) this.#lines.delete(partition);
  }
}
