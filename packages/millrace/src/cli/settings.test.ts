// cli/settings.test.ts - flags beat the environment, which beats the file, which beats the defaults; what is wrong is named.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MillraceError } from '../base/mod.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import { Terminal } from './terminal.ts';

const shellIn = (folder: string, env: Record<string, string> = {}): Shell => {
  const out = new Terminal({ write: () => {} });
  return { env, folder, stdin: (async function* () {})(), stdinIsTerminal: false, out, err: out, stop: new AbortController().signal };
};

function folderWith(t: TestContext, config?: string, name = 'millrace.config.ts'): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-settings-'));
  t.after(() => rmSync(folder, { recursive: true }));
  if (config !== undefined) writeFileSync(join(folder, name), config);
  return folder;
}

test('the strongest place wins, and says so', async (t) => {
  const folder = folderWith(t, 'export default { port: 1, host: "0.0.0.0", data: "below", logFormat: "json" }');
  const { values, origins } = await resolveSettings(shellIn(folder, { MILLRACE_PORT: '2', MILLRACE_HOST: '::1' }), { port: '3' }, ['port', 'host', 'data', 'logFormat', 'server']);
  assert.deepEqual(values, { port: 3, host: '::1', data: join(folder, 'below'), logFormat: 'json', server: '127.0.0.1:9092' });
  assert.deepEqual(origins, { port: 'flag', host: 'environment', data: 'file', logFormat: 'file', server: 'default' });
});

test('without a file there are defaults; empty variables count as none', async (t) => {
  const { values } = await resolveSettings(shellIn(folderWith(t), { MILLRACE_PORT: '' }), {}, ['port', 'advertise', 'listen', 'set', 'timeoutMs']);
  assert.deepEqual(values, { port: 9092, advertise: undefined, listen: undefined, set: undefined, timeoutMs: 15000 });
});

test('lists come from repeated flags, commas in the environment, and lists or objects in the file', async (t) => {
  const folder = folderWith(t, 'export default { set: { "num.partitions": 4, "auto.create.topics.enable": false }, listen: ["0.0.0.0:1=bus.example:2"] }');
  const fromFile = await resolveSettings(shellIn(folder), {}, ['set', 'listen']);
  assert.deepEqual(fromFile.values, { set: { 'num.partitions': '4', 'auto.create.topics.enable': 'false' }, listen: [{ host: '0.0.0.0', port: 1, advertised: { host: 'bus.example', port: 2 } }] });
  const fromEnvironment = await resolveSettings(shellIn(folder, { MILLRACE_SET: 'a=1,b=2' }), {}, ['set']);
  assert.deepEqual(fromEnvironment.values.set, { a: '1', b: '2' });
  const fromFlags = await resolveSettings(shellIn(folder, { MILLRACE_SET: 'a=1' }), { set: ['c=3=4'] }, ['set']);
  assert.deepEqual(fromFlags.values.set, { c: '3=4' });
});

test('another file may be named by flag or environment; its relative paths start from its own folder', async (t) => {
  const folder = folderWith(t, 'export default { data: "x" }', 'other.ts');
  for (const [env, flags] of [[{ MILLRACE_SETTINGS: join(folder, 'other.ts') }, {}], [{}, { settings: join(folder, 'other.ts') }]] as const) {
    assert.equal((await resolveSettings(shellIn('/elsewhere', env), flags, ['data'])).values.data, join(folder, 'x'));
  }
});

test('what is wrong is named with its place, also when a stronger place overrules it', async (t) => {
  const fails = async (config: string | undefined, env: Record<string, string>, flags: Record<string, unknown>, message: RegExp) => {
    await assert.rejects(resolveSettings(shellIn(folderWith(t, config), env), flags, ['port', 'logFormat', 'set', 'listen', 'advertise']), (error: MillraceError) => {
      assert.match(error.message, message);
      return error.code === 'invalid-argument' && error.data['usage'] === true;
    });
  };
  await fails(undefined, {}, { port: '70000' }, /'70000' for --port: it must be a whole number from 0 to 65535/);
  await fails(undefined, { MILLRACE_PORT: 'x' }, { port: '1' }, /'x' for MILLRACE_PORT/);
  await fails('export default { port: -1 }', {}, {}, /'-1' for 'port' in .*millrace.config.ts/);
  await fails('export default { prot: 1 }', {}, {}, /no such setting; did you mean 'port'\?/);
  await fails('export default { port: [1] }', {}, {}, /it must be one text or number/);
  await fails('export default 5', {}, {}, /must export its settings as default/);
  await fails('this is not code', {}, {}, /Cannot read the settings file/);
  await fails(undefined, {}, { settings: 'missing.ts' }, /no such file/);
  await fails(undefined, {}, { set: ['novalue'] }, /KEY=VALUE/);
  await fails(undefined, {}, { logFormat: 'xml' }, /one of text, json/);
  await fails(undefined, {}, { listen: ['host'] }, /an address such as/);
});
