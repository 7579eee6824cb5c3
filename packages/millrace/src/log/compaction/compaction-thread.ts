// log/compaction/compaction-thread.ts - the entry of the thread that cleans (C): decompresses, hashes, writes batches anew.
// Owns: nothing but the entry. Never: files: it gets bytes and gives bytes.
import { serveCalls } from '../../os/mod.ts';
import { CleanerCalls, type CleanerCall } from './cleaner-calls.ts';

const calls = new CleanerCalls();
serveCalls((message) => calls.handle(message as CleanerCall));
