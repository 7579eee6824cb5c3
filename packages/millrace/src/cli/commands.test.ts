// cli/commands.test.ts - the commands against a real node: what a person types, what it prints, what a program reads.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Node, startNode } from '../node/mod.ts';
import { exitCodes } from './exit-codes.ts';
import { call, type Called, type CallOptions } from './test-shell.ts';

let node: Node;
before(async () => { node = await startNode(); });
after(async () => { await node.close(); });

/** A call that must succeed. */
async function ok(line: string, options: CallOptions = {}): Promise<Called> {
  const called = await run(line, options);
  assert.equal(called.code, 0, `${line}\n${called.err}`);
  return called;
}

const run = (line: string, options: CallOptions = {}): Promise<Called> => call(line.split(' '), { ...options, env: { MILLRACE_SERVER: node.bootstrap, ...options.env } });
const linesOf = ({ out }: Called): string[] => out.split('\n').slice(0, -1);

test('topics: from creation to deletion', async () => {
  assert.match((await run('topics list')).out + (await run('topics list')).err, /No topics yet/);
  assert.match((await ok('topics create clicks --partitions 3 --config retention.ms=-1')).out, /Created topic clicks with 3 partitions/);
  const again = await run('topics create clicks');
  assert.equal(again.code, exitCodes.failed.code);
  assert.match(again.err, /Cannot create topic 'clicks'/);
  assert.match((await ok('topics create clicks --if-not-exists')).err, /is there already/);
  await ok('produce clicks --partition 1', { stdin: 'a\nb\n' });
  assert.deepEqual(linesOf(await ok('topics list')).map((line) => line.split(/ {2,}/).slice(0, 3)), [['topic', 'partitions', 'records'], ['clicks', '3', '2']]);
  const [described] = (await ok('topics describe clicks --json')).json as [{ partitions: { endOffset: number }[]; configs: Record<string, string> }];
  assert.deepEqual(described.partitions.map((one) => one.endOffset), [0, 2, 0]);
  assert.deepEqual(described.configs, { 'retention.ms': '-1' });
  await ok('topics alter clicks --partitions 4 --config segment.bytes=1048576 --unset retention.ms');
  const after = await ok('topics describe clicks');
  assert.match(after.out, /clicks {2}4 partitions, 2 records/);
  assert.match(after.out, /segment.bytes=1048576/);
  assert.match((await ok('topics describe clicks --all')).out, /retention.ms=604800000 {2}\(default\)/);
  assert.equal((await run('topics alter clicks --partitions 2')).code, exitCodes.failed.code);
  assert.equal((await run('topics alter clicks --config no.such.key=1')).code, exitCodes.failed.code);
  await ok('topics delete clicks');
  const gone = await run('topics describe clicks');
  assert.equal(gone.code, exitCodes.failed.code);
  assert.match(gone.err, /no such topic.*\n.*topics list/);
});

test('the node is also found by the flag of Kafka\'s tools', async () => {
  const listed = await run(`topics list --json --bootstrap-server ${node.bootstrap}`, { env: { MILLRACE_SERVER: 'localhost:1' } });
  assert.equal(listed.code, 0, listed.err);
});

test('produce and consume: lines, keys, headers, JSON, and back again', async () => {
  await ok('topics create events --partitions 2');
  await ok('produce events --key-separator : --header from=test', { stdin: 'SFO:one\nJFK:two\r\nSFO:three' });
  assert.deepEqual(linesOf(await ok('consume events')).sort(), ['one', 'three', 'two']);
  assert.deepEqual(linesOf(await ok('consume events --key')).sort(), ['JFK\ttwo', 'SFO\tone', 'SFO\tthree']);
  assert.match((await ok('consume events --all --max 1')).out, /^events-\d@0 \d{4}-.*Z \w{3} (one|two) \{from=test\}\n$/);
  const copied = await ok('consume events --json');
  await ok('produce copy --create --format records', { stdin: copied.out });
  const strip = (called: Called) => linesOf(called).map((line) => { const { key, value, headers, timestamp } = JSON.parse(line) as Record<string, unknown>; return JSON.stringify({ key, value, headers, timestamp }); }).sort();
  assert.deepEqual(strip(await ok('consume copy --json')), strip(copied), 'keys, values, headers and times survive');
});

test('produce: JSON with key and time from fields; bytes and tombstones; mistakes name their line', async () => {
  await ok('topics create json --config retention.ms=-1');
  await ok('produce json --format json --key-field at.origin --timestamp-field date --compression zstd', { stdin: '{"at":{"origin":"SFO"},"date":"2001-02-03T00:00:00Z","delay":5}\n\n' });
  await ok('produce json --format records', { stdin: '{"key":"/wA=","keyEncoding":"base64","value":null}\n' });
  const [first, second] = linesOf(await ok('consume json --json --parse')).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual([first!['key'], first!['timestamp'], first!['value']], ['SFO', 981158400000, { at: { origin: 'SFO' }, date: '2001-02-03T00:00:00Z', delay: 5 }]);
  assert.deepEqual([second!['key'], second!['keyEncoding'], second!['value']], ['/wA=', 'base64', null]);
  const bad = await run('produce json --format json', { stdin: '{"a":1}\n{"a":' });
  assert.equal(bad.code, exitCodes.failed.code);
  assert.match(bad.err, /Wrote 1 record.*\n.*Cannot read line 2: not JSON/);
  for (const flags of ['--format xml', '--format json --key-separator :', '--key a --key-separator :', '--rate 0', '--partition x', '--acks 2', '--compression zip', '--header x']) {
    assert.equal((await run(`produce json ${flags}`, { stdin: 'x\n' })).code, exitCodes.usage.code, flags);
  }
});

test('produce: a missing topic is named before anything is read; a record that is too large is not lost silently', async () => {
  const missing = await run('produce nowhere', { stdin: (async function* (): AsyncGenerator<Uint8Array> { throw new Error('stdin was read'); })() });
  assert.equal(missing.code, exitCodes.failed.code);
  assert.match(missing.err, /no such topic/);
  const large = await run('produce json --json', { stdin: `${'x'.repeat(2_000_000)}\n` });
  assert.equal(large.code, exitCodes.failed.code);
  assert.deepEqual({ ...(large.json as object), tookMs: 0 }, { topic: 'json', records: 0, failed: 1, tookMs: 0 });
});

test('consume: from an offset, a time, the end; one partition; wrong places', async () => {
  await ok('topics create times --partitions 2 --config retention.ms=-1'); // records of last January are older than a topic keeps
  await ok('produce times --format records --keep-partitions', { stdin: [1, 2, 3].map((day) => JSON.stringify({ value: `day ${day}`, timestamp: Date.UTC(2026, 0, day), partition: 0 })).join('\n') });
  await ok('produce times --partition 1', { stdin: 'other\n' });
  assert.deepEqual(linesOf(await ok('consume times --partition 0 --from 1')), ['day 2', 'day 3']);
  assert.deepEqual(linesOf(await ok('consume times --partition 0 --from 2026-01-02T12:00:00Z')), ['day 3']);
  assert.deepEqual(linesOf(await ok('consume times --partition 0 --max 2')), ['day 1', 'day 2']);
  assert.equal((await ok('consume times --from latest')).out, '');
  assert.equal((await run('consume times --partition 2')).code, exitCodes.usage.code);
  for (const flags of ['--from never', '--max 0', '--group g --from 5', '--group g --partition 0', '--parse']) assert.equal((await run(`consume times ${flags}`)).code, exitCodes.usage.code, flags);
});

test('consume --follow waits for more until it is asked to stop', async () => {
  await ok('topics create live');
  const stop = new AbortController();
  let written = '';
  const following = run('consume live --follow', { stop: stop.signal, onOutput: (text) => { written += text; if (written.includes('second')) stop.abort(); } });
  await ok('produce live', { stdin: 'first\n' });
  await ok('produce live', { stdin: 'second\n' });
  const { code, out } = await following;
  assert.deepEqual([code, out], [0, 'first\nsecond\n']);
});

test('groups: what was printed is committed; lag, reset, dry run, deletion', async () => {
  await ok('topics create work --partitions 2');
  await ok('produce work --key k', { stdin: '1\n2\n3\n4\n' });
  assert.deepEqual(linesOf(await ok('consume work --group billing --max 1')), ['1']);
  assert.deepEqual(linesOf(await ok('consume work --group billing --max 2')), ['2', '3']);
  const described = (await ok('groups describe billing --json')).json as { lag: number; state: string; partitions: { committedOffset: number }[] };
  assert.equal(described.lag, 1);
  assert.match((await ok('groups describe billing')).out, /billing {2}empty, 0 members, 1 records? behind/);
  assert.match((await ok('groups list')).out, /billing {2}Empty/);
  const dry = (await ok('groups reset billing --topic work --to-earliest --dry-run --json')).json as { moves: { from: number | null; to: number }[] };
  assert.deepEqual(dry.moves.map((move) => move.to), [0, 0]);
  assert.equal(((await ok('groups describe billing --json')).json as { lag: number }).lag, 1, 'a dry run changes nothing');
  await ok('groups reset billing --topic work --to-earliest');
  assert.deepEqual(linesOf(await ok('consume work --group billing')), ['1', '2', '3', '4']);
  assert.equal((await ok('consume work --group billing')).out, '');
  const clipped = (await ok('groups reset billing --topic work --to-offset 99 --json')).json as { moves: { to: number }[] };
  assert.deepEqual(clipped.moves.map((move) => move.to).sort(), [0, 4]);
  await ok('groups delete billing');
  const gone = await run('groups describe billing');
  assert.equal(gone.code, exitCodes.failed.code);
  assert.match(gone.err, /no such group/);
  assert.equal((await run('groups reset billing --to-latest')).code, exitCodes.failed.code);
  for (const flags of ['--to-earliest --to-latest', '--to-datetime soon', '--to-offset -1', '--topic work:x --to-latest']) assert.equal((await run(`groups reset billing ${flags}`)).code, exitCodes.usage.code, flags);
});

test('acls: without an authorizer the node says what to do; with one, rules are added, found and removed', async () => {
  const refused = await run('acls list');
  assert.equal(refused.code, exitCodes.failed.code);
  assert.match(refused.err, /authorizer\.class\.name/);
  await using guarded = await startNode({ config: { 'authorizer.class.name': 'acls', 'super.users': 'User:ANONYMOUS' } });
  const env = { MILLRACE_SERVER: guarded.bootstrap };
  assert.match((await ok('acls list', { env })).err, /No access rules/);
  assert.match((await ok('acls add --principal alice --principal User:bob --operation read,describe-configs --topic shop- --group shop- --prefixed', { env })).out, /Added 8 rules/);
  await ok('acls add --deny --principal User:* --operation delete --topic orders --host 10.0.0.0/8', { env });
  await ok('acls add --principal alice --operation alter --cluster', { env });
  assert.deepEqual(linesOf(await ok('acls list --principal alice --operation read', { env })).map((line) => line.split(/ {2,}/)), [
    ['resource', 'name', 'pattern', 'rule', 'principal', 'operation', 'from'], ['group', 'shop-', 'prefixed', 'allow', 'User:alice', 'read', '*'], ['topic', 'shop-', 'prefixed', 'allow', 'User:alice', 'read', '*'],
  ]);
  const matching = (await ok('acls list --topic shop-orders --pattern match --json', { env })).json as { principal: string }[];
  assert.deepEqual([...new Set(matching.map(({ principal }) => principal))], ['User:alice', 'User:bob']);
  assert.equal(((await ok('acls list --topic shop-orders --json', { env })).json as []).length, 0);
  assert.match((await ok('acls remove --principal bob', { env })).err, /4 rules were removed/);
  assert.deepEqual(((await ok('acls remove --deny --json', { env })).json as { removed: { host: string }[] }).removed.map(({ host }) => host), ['10.0.0.0/8']);
  assert.match((await ok('acls remove --principal nobody', { env })).err, /no such rule/);
  for (const wrong of ['acls remove', 'acls add --operation read --topic t', 'acls add --principal a --topic t', 'acls add --principal a --operation read', 'acls add --principal a --operation fly --topic t', 'acls list --pattern odd', 'acls list --allow --deny']) {
    assert.equal((await run(wrong, { env })).code, exitCodes.usage.code, wrong);
  }
  assert.equal((await run('acls add --principal alice --operation read --topic t --host 10.0.0.0/99', { env })).code, exitCodes.failed.code);
  await ok('acls remove --all', { env });
  assert.equal(((await ok('acls list --json', { env })).json as []).length, 0);
});

test('quotas: set, found, removed', async () => {
  assert.match((await ok('quotas list')).err, /No quotas/);
  assert.match((await ok('quotas set producer_byte_rate=1000000000 request_percentage=1000.5 --user zoe')).out, /Set for user zoe: producer_byte_rate=1000000000, request_percentage=1000.5/);
  await ok('quotas set consumer_byte_rate=2000000000 --user zoe --client-id app');
  await ok('quotas set connection_creation_rate=100000 --ip-default');
  assert.deepEqual(linesOf(await ok('quotas list --user zoe')).slice(1).map((line) => line.split(/ {2,}/)), [
    ['user zoe', 'producer_byte_rate', '1000000000'], ['user zoe', 'request_percentage', '1000.5'], ['user zoe, client id app', 'consumer_byte_rate', '2000000000'],
  ]);
  assert.match((await ok('quotas list')).out, /any address +connection_creation_rate +100000/);
  assert.match((await ok('quotas remove request_percentage --user zoe')).out, /Removed for user zoe: request_percentage/);
  assert.deepEqual((await ok('quotas list --user zoe --json')).json, [{ entity: { user: 'zoe' }, quotas: { producer_byte_rate: 1_000_000_000 } }, { entity: { clientId: 'app', user: 'zoe' }, quotas: { consumer_byte_rate: 2_000_000_000 } }]);
  await ok('quotas remove --user zoe');
  await ok('quotas remove --user zoe --client-id app');
  await ok('quotas remove --ip-default');
  assert.match((await ok('quotas remove --user zoe')).err, /no such quota/);
  for (const wrong of ['quotas set producer_byte_rate=1', 'quotas set producer_byte_rate=0 --user a', 'quotas set producer_byte_rate --user a', 'quotas set odd=1 --user a', 'quotas set producer_byte_rate=1 --user a --ip 10.0.0.1', 'quotas list --user a --user-default']) {
    assert.equal((await run(wrong)).code, exitCodes.usage.code, wrong);
  }
  assert.equal((await run('quotas set connection_creation_rate=5 --user a')).code, exitCodes.failed.code);
});
