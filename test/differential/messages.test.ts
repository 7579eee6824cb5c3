// test/differential/messages.test.ts - every message in every version against kafka-clients: for random values our bytes are Java's bytes,
// Java reads ours to equal objects, and we read Java's to the values we started from.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { arbitraryValue, carried, chanceFrom, withoutDefaults } from '../../packages/millrace/src/wire/arbitrary.ts';
import * as wire from '../../packages/millrace/src/wire/mod.ts';
import { Java, type Answer } from './java.ts';

const seed = Number(process.env['MILLRACE_SEED'] ?? 20261121);
const rounds = Number(process.env['MILLRACE_ROUNDS'] ?? 30);
let java: Java;
before(() => { java = Java.start(); });
after(() => java.close());

/** The number before a key in the offsets topic. */
const recordTypes: Record<string, number> = { OffsetCommitKey: 1, GroupMetadataKey: 2 };

type Side = 'request' | 'response';
interface Case { readonly api: wire.Api; readonly side: Side; readonly version: number; readonly value: Record<string, unknown> | null }

test('the descriptions cover the versions that Kafka 4.3 accepts', async () => {
  const { apis } = await java.ask({ op: 'apis' });
  const known = new Map((apis as { key: number; name: string; min: number; max: number }[]).map((api) => [api.key, api]));
  for (const api of wire.apis) {
    const kafka = known.get(api.key)!;
    assert.deepEqual({ name: api.name, ...api.versions }, { name: kafka.name, min: kafka.min, max: kafka.max });
  }
});

test('the error codes are Kafka\'s', async () => {
  const { errors } = await java.ask({ op: 'errors' });
  const kafka = errors as { name: wire.ErrorName; code: number; retriable: boolean }[];
  assert.deepEqual({ ...wire.errorCodes }, Object.fromEntries(kafka.map(({ name, code }) => [name, code])));
  for (const { code, retriable } of kafka) assert.equal(wire.isRetriable(code), retriable, wire.errorName(code));
});

test('requests and responses, random values and defaults, both ways', async (t) => {
  const covered = new Set<string>();
  let compared = 0;
  for (const api of wire.apis) {
    const cases = casesOf(api);
    await Promise.all(cases.map((one) => check(one)));
    for (const one of cases) covered.add(`${one.side} ${api.name} ${one.version}`);
    compared += cases.length;
  }
  t.diagnostic(`${covered.size} pairs of message and version, ${compared} frames compared in both directions, seed ${seed}`);
  assert.equal(covered.size, 2 * wire.apis.reduce((total, api) => total + api.versions.max - api.versions.min + 1, 0));
});

test('structs in records and opaque fields', async (t) => {
  const chance = chanceFrom(seed);
  const packages: [string, wire.Message<any>[]][] = [
    ['org.apache.kafka.common.message', [wire.ConsumerProtocolSubscription, wire.ConsumerProtocolAssignment, wire.ControlRecordTypeSchema, wire.EndTxnMarker]],
    ['org.apache.kafka.coordinator.group.generated', [wire.OffsetCommitKey, wire.OffsetCommitValue, wire.GroupMetadataKey, wire.GroupMetadataValue]],
  ];
  let compared = 0;
  for (const [of, messages] of packages) {
    for (const message of messages) {
      for (let version = message.versions.min; version <= message.versions.max; version++) {
        for (let round = 0; round < rounds; round++) {
          const value = arbitraryValue(message, version, chance);
          const ours = wire.encodeMessage(message, version, value);
          const answer = await java.ask({ op: 'struct', type: `${of}.${message.name}`, version, body: asJson(value), bytes: base64([ours]) });
          const where = `${message.name} version ${version}, round ${round}, seed ${seed}`;
          compareAnswer(answer, [ours], where);
          if (message.name in recordTypes) assert.equal(answer['prefix'], recordTypes[message.name]);
          assert.deepEqual(plain(carried(message, version, wire.decodeMessage(message, version, ours))), plain(value), where);
          compared++;
        }
      }
    }
  }
  t.diagnostic(`${compared} structs compared`);
});

function casesOf(api: wire.Api): Case[] {
  const cases: Case[] = [];
  for (const side of ['request', 'response'] as const) {
    for (let version = api.versions.min; version <= api.versions.max; version++) {
      const chance = chanceFrom(seed ^ (api.key << 16) ^ (version << 8) ^ (side === 'request' ? 1 : 2));
      cases.push({ api, side, version, value: null });
      for (let round = 0; round < rounds; round++) cases.push({ api, side, version, value: arbitraryValue(api[side], version, chance) });
    }
  }
  return cases;
}

async function check({ api, side, version, value }: Case): Promise<void> {
  const where = `${api.name} ${side} version ${version}, seed ${seed}`;
  const chance = chanceFrom(seed + version);
  const correlationId = Math.floor(chance() * 2 ** 31);
  const clientId = chance() < 0.2 ? null : `client-${version}`;
  const given = value === null ? {} : chance() < 0.5 ? withoutDefaults(api[side], value) : value;
  const ours = side === 'request' ? wire.encodeRequest(api, version, { correlationId, clientId }, given) : wire.encodeResponse(api, version, correlationId, given);
  const frame = Buffer.concat(ours).subarray(4);
  assert.equal(Buffer.concat(ours).readInt32BE(0), frame.length, where);
  const answer = await java.ask({ op: 'frame', side, key: api.key, version, correlationId, clientId, body: value === null ? null : asJson(value), bytes: frame.toString('base64') });
  compareAnswer(answer, [frame], where);
  const decoded = decode(api, side, version, frame, { correlationId, clientId });
  if (value !== null && !isVersionRefusal(api, side, value)) assert.deepEqual(plain(carried(api[side], version, decoded)), plain(value), where);
}

function decode(api: wire.Api, side: Side, version: number, frame: Buffer, expected: { correlationId: number; clientId: string | null }): unknown {
  if (side === 'response') {
    const { correlationId, body } = wire.decodeResponse(api, version, frame);
    assert.equal(correlationId, expected.correlationId);
    return body;
  }
  const { bodyAt, ...header } = wire.decodeRequestHeader(frame);
  assert.deepEqual(header, { apiKey: api.key, apiVersion: version, ...expected });
  return wire.decodeRequest(api, version, frame, bodyAt);
}

/** ApiVersions answers that say UNSUPPORTED_VERSION are read in version 0 whatever was asked (KIP-511). */
function isVersionRefusal(api: wire.Api, side: Side, value: Record<string, unknown>): boolean {
  return api.key === wire.ApiVersions.key && side === 'response' && value['errorCode'] === wire.errorCodes.UNSUPPORTED_VERSION;
}

function compareAnswer(answer: Answer, ours: Uint8Array[], where: string): void {
  assert.equal(answer['error'], undefined, where);
  assert.equal(Buffer.from(answer['bytes'], 'base64').toString('hex'), Buffer.concat(ours).toString('hex'), `bytes of ${where}`);
  assert.ok(answer['same'], `Java reads ${where} as ${JSON.stringify(answer['read'])}`);
}

/** The JSON that Kafka's converters take: bytes as base64, longs as numbers even where a double could not hold them. */
function asJson(value: unknown): unknown {
  if (value === Infinity) return rawJson('9223372036854775807');
  if (value === -Infinity) return rawJson('-9223372036854775808');
  if (typeof value === 'bigint') return rawJson(String(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, asJson(field)]));
  return value;
}

/** A number written digit by digit; the types of the library do not know it yet. */
const rawJson = (digits: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);

/** Bytes as hex, so that views and buffers compare alike. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
  return value;
}

function base64(parts: Uint8Array[]): string { return Buffer.concat(parts).toString('base64'); }
