// os/mod.ts - the door of the only room that touches the machine.
export * from './ports.ts';
export { nodeNet } from './node-net.ts';
export { nodeClock } from './node-clock.ts';
export { nodeRandom } from './node-random.ts';
export { connectionPair, memoryNet, noTls } from './memory-net.ts';
export { compareSecrets, digest, hmac, pbkdf2, type HashName } from './secrets.ts';
export { openTokenKeys, type TokenClaims, type TokenKeys, type TokenRules } from './web-tokens.ts';
export { NodeDisk } from './node-disk.ts';
export { MemoryDisk } from './memory-disk.ts';
export { compressBytes, decompressBytes, type Compression } from './compression.ts';
export { linearPattern, linearSearch, type LinearPattern } from './linear-pattern.ts';
export { memoryMachine, nodeMachine } from './machines.ts';
export { nodeThreads } from './node-threads.ts';
export { serveCalls } from './serve-calls.ts';
export { digestWords } from './digest.ts';
export { RecordingDisk, type DiskAction, type TraceEntry } from './recording-disk.ts';
