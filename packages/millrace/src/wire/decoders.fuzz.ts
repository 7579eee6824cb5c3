// wire/decoders.fuzz.ts - cut, flipped and hostile bytes against every decoder of every version, and against batches.
// Run: node packages/millrace/src/wire/decoders.fuzz.ts [--seed N] [--rounds N]; without rounds it goes on until stopped.
// Holds when each call returns or throws a MillraceError with one of the named codes; decoders.fuzz.test.ts runs a short piece under a heap so
// small that an allocation beyond the frame ends it.
import { crc32c, MillraceError, type ErrorCode } from '../base/mod.ts';
import { arbitraryBytes, arbitraryValue, between, chanceFrom, oneOf, type Chance } from './arbitrary.ts';
import * as wire from './mod.ts';

/** What one run did. */
export interface FuzzResult { readonly refused: number; readonly taken: number }

/** Runs `rounds` rounds from `seed`; throws an error that names the seed, the place and the bytes when a decoder misbehaves. */
export function fuzzDecoders(seed: number, rounds: number): FuzzResult {
  const result = { refused: 0, taken: 0 };
  for (let round = 0; round < rounds; round++) {
    const chance = chanceFrom(seed + round);
    for (const api of wire.apis) {
      const version = between(chance, api.versions.min, api.versions.max);
      fuzzRequest(api, version, chance, result, seed + round);
      fuzzResponse(api, version, chance, result, seed + round);
    }
    for (const codec of wire.codecs) fuzzBatch(codec, chance, result, seed + round);
  }
  return result;
}

type Tally = { refused: number; taken: number };

function fuzzRequest(api: wire.Api, version: number, chance: Chance, tally: Tally, seed: number): void {
  const frame = joined(wire.encodeRequest(api, version, { correlationId: 1, clientId: 'fuzz' }, arbitraryValue(api.request, version, chance)));
  const { bodyAt } = wire.decodeRequestHeader(frame);
  for (const hostile of damaged(frame, bodyAt, chance)) {
    expectRefusal(['invalid-bytes'], `${api.name} request ${version}`, hostile, seed, tally, () => wire.decodeRequest(api, version, hostile, bodyAt));
  }
  for (const hostile of damaged(frame, 0, chance)) {
    expectRefusal(['invalid-bytes', 'unsupported-version'], `request header of ${api.name} ${version}`, hostile, seed, tally, () => {
      const header = wire.decodeRequestHeader(hostile);
      const named = wire.apiByKey(header.apiKey);
      if (named !== undefined) wire.decodeRequest(named, header.apiVersion, hostile, header.bodyAt);
    });
  }
}

function fuzzResponse(api: wire.Api, version: number, chance: Chance, tally: Tally, seed: number): void {
  const frame = joined(wire.encodeResponse(api, version, 1, arbitraryValue(api.response, version, chance)));
  for (const hostile of damaged(frame, 0, chance)) {
    expectRefusal(['invalid-bytes'], `${api.name} response ${version}`, hostile, seed, tally, () => wire.decodeResponse(api, version, hostile));
  }
}

const decompressedMax = 1 << 20;

function fuzzBatch(codec: wire.Codec, chance: Chance, tally: Tally, seed: number): void {
  const builder = new wire.BatchBuilder();
  for (let left = between(chance, 1, 30); left > 0; left--) {
    builder.append(between(chance, -1, 2 ** 41), chance() < 0.3 ? null : arbitraryBytes(chance), arbitraryBytes(chance), chance() < 0.3 ? [{ key: 'k', value: null }] : undefined);
  }
  const batch = builder.finish({ codec });
  for (const hostile of damaged(batch, chance() < 0.5 ? 0 : wire.batchHeaderBytes, chance)) {
    expectRefusal(['corrupt-batch'], `${codec} batch`, hostile, seed, tally, () => wire.verifyBatch(hostile, 0, hostile.length));
    if (hostile.length < wire.batchHeaderBytes) continue;
    resign(hostile);
    expectRefusal(['corrupt-batch', 'invalid-bytes', 'message-too-large'], `records of a ${codec} batch`, hostile, seed, tally, () => {
      wire.verifyBatch(hostile, 0, hostile.length);
      wire.verifyRecords(hostile, 0, decompressedMax);
      readAll(hostile);
    });
    expectRefusal(['corrupt-batch'], 'batches', hostile, seed, tally, () => wire.forEachBatch(hostile, 0, hostile.length, () => {}));
  }
}

/** Makes length and crc fit again, so that the damage is seen by what lies behind them. */
function resign(batch: Uint8Array): void {
  wire.writeInt(batch, 8, batch.length - wire.batchPrefixBytes);
  batch[16] = wire.batchMagic;
  wire.writeInt(batch, 17, crc32c(batch.subarray(21)));
}

function readAll(batch: Uint8Array): void {
  const cursor = new wire.RecordCursor().open(batch, 0, decompressedMax);
  while (cursor.next()) cursor.headers();
}

/** Variants of `bytes`, damaged from `from` on. */
function* damaged(bytes: Uint8Array, from: number, chance: Chance): Generator<Uint8Array> {
  const at = (): number => between(chance, from, Math.max(from, bytes.length - 1));
  yield bytes.slice(0, at());
  const flipped = bytes.slice();
  for (let left = between(chance, 1, 4); left > 0; left--) flipped[at()]! ^= 1 << between(chance, 0, 7);
  yield flipped;
  const patched = bytes.slice();
  patched.set(oneOf(chance, hostilePieces).subarray(0, Math.max(0, bytes.length - from)), Math.min(at(), Math.max(from, bytes.length - 5)));
  yield patched;
  const longer = new Uint8Array(bytes.length + between(chance, 1, 9));
  longer.set(bytes);
  yield longer;
  yield Uint8Array.from({ length: between(chance, from, from + 60) }, (_, i) => (i < from ? bytes[i]! : between(chance, 0, 255)));
}

const hostilePieces = [
  Uint8Array.of(0x7f, 0xff, 0xff, 0xff), Uint8Array.of(0xff, 0xff, 0xff, 0xff), Uint8Array.of(0xff, 0xff, 0xff, 0xfe),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff), Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08),
  Uint8Array.of(0x80, 0, 0, 0), Uint8Array.of(0x7f, 0xff), Uint8Array.of(0x0f, 0xff, 0xff, 0xff),
];

function expectRefusal(codes: readonly ErrorCode[], where: string, bytes: Uint8Array, seed: number, tally: Tally, call: () => void): void {
  try {
    call();
    tally.taken++;
  } catch (error) {
    if (error instanceof MillraceError && codes.includes(error.code)) {
      tally.refused++;
      return;
    }
    const hex = Array.from(bytes.subarray(0, 4096), (byte) => byte.toString(16).padStart(2, '0')).join('');
    throw new Error(`${where} from seed ${seed} ended in ${String(error)}\nbytes ${hex}\nrun: node packages/millrace/src/wire/decoders.fuzz.ts --seed ${seed} --rounds 1`, { cause: error });
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.subarray(4);
}

if (import.meta.main) {
  const option = (name: string): number | undefined => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : undefined);
  const rounds = option('--rounds') ?? Infinity;
  const piece = 20;
  for (let seed = option('--seed') ?? 1, done = 0; done < rounds; seed += piece, done += piece) {
    const { refused, taken } = fuzzDecoders(seed, Math.min(piece, rounds - done));
    console.log(`seeds ${seed} to ${seed + Math.min(piece, rounds - done) - 1}: ${refused} refused, ${taken} taken`);
  }
}
