// The command line and who may come in: the first user before the first start, a node that asks, logging in by flags; and no secret in anything that is printed.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Authority } from '../../../../test/certificates.ts';
import { type Called, type CallOptions, call } from './test-shell.ts';

const secrets = { alice: 'wonder-secret-1', bob: 'builder-secret-2', changed: 'changed-secret-3' };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-cli-security-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs commands and keeps all that they print. */
function watched() {
  const printed: string[] = [];
  const run = async (args: readonly string[], options: CallOptions = {}): Promise<Called> => {
    const done = await call(args, { folder: '/', ...options });
    printed.push(`${args.join(' ')}\n${done.out}${done.err}`);
    return done;
  };
  return { run, printed };
}

/** Files below a folder that hold one of the texts. */
function filesWith(path: string, texts: readonly string[]): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => { const bytes = readFileSync(name); return texts.some((text) => bytes.includes(text)); });
}

/** `millrace start` until the test is over; gives the ports in the order of its listeners. */
async function started(t: TestContext, args: readonly string[]): Promise<{ url: string; output: () => string; stop(): Promise<Called> }> {
  const stop = new AbortController();
  let output = '';
  let ready: (url: string) => void = () => {};
  const url = new Promise<string>((resolve) => { ready = resolve; });
  const ended = call(['start', '--port', '0', '--log-format', 'json', ...args], { folder: '/', stop: stop.signal, onOutput: (text) => {
    output += text;
    const found = /"url":"kafkas?:\/\/([^"]+)"/.exec(output);
    if (found !== null) ready(found[1]!);
  } });
  const stopped = () => { stop.abort(); return ended; };
  t.after(stopped);
  return { url: await Promise.race([url, ended.then((done) => { throw new Error(done.out + done.err); })]), output: () => output, stop: stopped };
}

test('from an empty folder to a login: users before the start, of the running node, and over the network', async (t) => {
  const home = folder(t);
  const data = join(home, 'data');
  const { run, printed } = watched();
  const file = (name: string, text: string): string => { const path = join(home, name); writeFileSync(path, text); return path; };
  assert.equal((await run(['users', 'add', 'alice', '--data', data], { stdin: `${secrets.alice}\nnot this\n` })).code, 0);
  assert.deepEqual((await run(['users', 'list', '--data', data, '--json'])).json, [{ user: 'alice', credentials: [{ mechanism: 'SCRAM-SHA-512', iterations: 4096 }] }]);
  assert.equal((await run(['users', 'add', 'bob', '--data', data, '--for', 'scram-sha-256', '--iterations', '8192', '--new-password-file', file('bob', `${secrets.bob}\r\n`)])).code, 0);
  for (const [args, stdin] of [
    [['users', 'add', 'x', '--data', data], ''], [['users', 'add', 'x', '--data', data, '--iterations', '10'], 'p'], [['users', 'add', 'x', '--data', data, '--for', 'plain'], 'p'], [['users', 'add', 'x', '--data', data, '--server', 'h:1'], 'p'],
    [['users', 'remove', 'nobody', '--data', data], ''], [['users', 'add', 'x', '--data', data, '--new-password-file', join(home, 'missing')], ''],
  ] as const) assert.equal((await run(args, { stdin })).code, 2, args.join(' '));

  const node = await started(t, ['--data', data, '--sasl', 'scram-sha-512,scram-sha-256']);
  const login = ['--server', node.url, '--user', 'alice', '--password-file', file('alice', secrets.alice)];
  assert.equal((await run(['topics', 'create', 'orders', ...login])).code, 0);
  assert.equal((await run(['produce', 'orders', '--server', node.url, '--user', 'bob', '--mechanism', 'scram-sha-256'], { stdin: 'one\n', env: { MILLRACE_PASSWORD: secrets.bob } })).code, 0);
  assert.equal((await run(['consume', 'orders', ...login])).out, 'one\n');
  const wrong = await run(['topics', 'list', '--server', node.url, '--user', 'alice', '--password-file', file('guess', 'guessed-secret')]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /log in as 'alice'.*did not accept the user or the password/);
  const nameless = await run(['topics', 'list', '--server', node.url]);
  assert.equal(nameless.code, 3);
  for (const args of [['--user', 'alice'], ['--password-file', '/x'], ['--mechanism', 'plain'], ['--client-key', '/x'], ['--user', 'a', '--token-file', '/x'], ['--user', 'alice', '--password-file', join(home, 'missing')]]) {
    assert.equal((await run(['topics', 'list', '--server', node.url, ...args])).code, 2, args.join(' '));
  }
  assert.equal((await run(['users', 'add', 'alice', ...login], { stdin: secrets.changed })).code, 0, 'over the network');
  assert.equal((await run(['topics', 'list', ...login])).code, 1, 'the old one is over');
  assert.equal((await run(['users', 'remove', 'bob', '--data', data, '--json'])).code, 0, 'of the running node, without a login');
  const listed = await run(['users', 'list', '--server', node.url, '--user', 'alice'], { env: { MILLRACE_PASSWORD: secrets.changed } });
  assert.match(listed.out, /alice +SCRAM-SHA-512 +4,096/);
  const stopped = await node.stop();
  assert.equal(stopped.code, 0);
  for (const secret of [...Object.values(secrets), 'guessed-secret']) {
    assert.ok(!printed.join('\n').includes(secret) && !node.output().includes(secret), 'a secret was printed');
  }
  assert.deepEqual(filesWith(data, Object.values(secrets)), [], 'a password is kept in no file');
});

test('TLS by flags, on both sides; a file of users for plain; what is missing is named', async (t) => {
  const home = folder(t);
  const { run, printed } = watched();
  const file = (name: string, text: string): string => { const path = join(home, name); writeFileSync(path, text); return path; };
  const authority = await Authority.make('Cli');
  const server = await authority.sign('CN=localhost', ['127.0.0.1']);
  const alice = await authority.sign('CN=alice');
  const paths = { server: file('server.pem', server.key + server.cert), ca: file('ca.pem', authority.cert), alice: file('alice.pem', alice.key + alice.cert) };
  const node = await started(t, ['--data', join(home, 'a'), '--tls-cert', paths.server, '--sasl', 'plain', '--sasl-users', file('users', `# who may come in\nbob:${secrets.bob}\n`)]);
  const seen = await run(['topics', 'list', '--server', node.url, '--ca', paths.ca, '--user', 'bob', '--json'], { env: { MILLRACE_PASSWORD: secrets.bob } });
  assert.deepEqual([seen.code, seen.json], [0, []], seen.err);
  assert.equal((await run(['topics', 'list', '--server', node.url, '--tls', '--user', 'bob'], { env: { MILLRACE_PASSWORD: secrets.bob } })).code, 1, 'an authority that nobody knows');
  const mutual = await started(t, ['--data', join(home, 'b'), '--tls-cert', paths.server, '--tls-ca', paths.ca, '--tls-client-auth', 'required']);
  assert.equal((await run(['topics', 'list', '--server', mutual.url, '--ca', paths.ca, '--client-cert', paths.alice])).code, 0);
  assert.notEqual((await run(['topics', 'list', '--server', mutual.url, '--ca', paths.ca])).code, 0);
  for (const [args, words] of [
    [['--host', '0.0.0.0', '--advertise', 'h:1'], /without authentication/], [['--tls-key', 'x'], /--tls-cert/], [['--tls-client-auth', 'required', '--tls-cert', 'x'], /--tls-ca/], [['--sasl', 'plain'], /--sasl-users/],
    [['--sasl', 'gssapi'], /one of SCRAM-SHA-512/], [['--sasl-users', 'x'], /--sasl plain/], [['--sasl', 'plain', '--sasl-users', file('bad', secrets.bob)], /line 1 is not of the form/], [['--tls-cert', '/no/such'], /Cannot read '\/no\/such'/],
    [['--set', 'listeners=PLAINTEXT://127.0.0.1:0'], /describe the listeners in one way/],
  ] as const) {
    const done = await run(['start', '--port', '0', '--data', join(home, 'c'), ...args]);
    assert.ok(done.code === 1 || done.code === 2, `${args.join(' ')}: ${done.code} ${done.out}${done.err}`);
    assert.match(done.err, words);
  }
  const shown = await run(['start', '--set', `listener.name.x.plain.sasl.jaas.config=PlainLoginModule required user_bob="${secrets.bob}";`, '--set', `ssl.key.password=${secrets.bob}`, '--show-settings']);
  assert.equal(shown.code, 0);
  await mutual.stop();
  await node.stop();
  const everything = [...printed.map((text) => text.slice(text.indexOf('\n'))), node.output(), mutual.output()].join('\n');
  assert.ok(!everything.includes(secrets.bob), 'a secret was printed');
});

test('an open address is refused, unless that is said aloud; then it is warned of', async (t) => {
  const data = join(folder(t), 'data');
  const node = await started(t, ['--data', data, '--insecure', '--host', '0.0.0.0', '--advertise', 'localhost:1']);
  assert.match(node.output(), /INSECURE: whoever reaches it/);
  await node.stop();
});
