// broker/produce/validator.ts - who judges records by the schemas of their topic: a port, because schemas are no business of the log's thread.
// Owns: the types. Never: its implementations (node/).
import type { RecordFault } from './check-batch.ts';

/** Texts of a topic's schemas; '' for none. */
export interface TopicSchemas { readonly key: string; readonly value: string }

/** Judges schemas and records somewhere else; bounded in time and in bytes. */
export interface Validator {
  /** Rejects 'invalid-argument', with the reason, for a text that is no schema that is taken. */
  check(schemas: TopicSchemas): Promise<void>;
  /**
   * The records that break the schemas; empty when all are good. `bytes` are one verified batch, kept until the promise settles. What takes too long counts as a fault
   * of the first record. Never rejects.
   */
  judge(schemas: TopicSchemas, bytes: Uint8Array): Promise<readonly RecordFault[]>;
  close(): void;
}
