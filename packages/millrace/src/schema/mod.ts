// schema/mod.ts - the door of floor 5, schemas of records: today JSON Schemas, and the walk over a batch that checks its records by them.
export { checkBatchBySchemas, type BatchSchemas, type RecordFault } from './check-records.ts';
export { compileSchema, type CompiledSchema } from './compile.ts';
