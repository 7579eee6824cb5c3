// docs/guide.test.ts - every code block of the guide and the README that says `run` is run; every TypeScript block is type-checked.
// A page is one session: its blocks run in order in one folder, with `millrace` on the PATH. Port 9092 stands for a free one.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Block, blocksOf, guidePages } from '../tools/guide.ts';
import { repository } from '../tools/source.ts';

const codeFolder = join(repository, '.millrace/docs');
const timeoutMs = 60_000;

for (const page of guidePages()) {
  const blocks = blocksOf(page);
  const running = blocks.filter((block) => block.words.includes('run'));
  if (running.length === 0) continue;
  test(page, async (t) => {
    const session = await openSession(t);
    for (const block of running) {
      await t.test(`line ${block.line}`, async () => {
        const output = await runBlock(block, session);
        const expected = blocks[blocks.indexOf(block) + 1];
        if (expected !== undefined && expected.language === 'text' && expected.words.includes('output')) assertOutput(output, expected.text, session.port);
      });
    }
  });
}

test('the TypeScript blocks of all pages type-check', () => {
  const blocks = guidePages().flatMap((page) => blocksOf(page)).filter((block) => block.language === 'ts');
  assert.ok(blocks.length > 0, 'the guide has TypeScript');
  for (const block of blocks) writeBlock(block, block.text);
  writeFileSync(join(codeFolder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['*.ts'] }));
  try {
    execFileSync(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', codeFolder], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    assert.fail((error as { stdout: string }).stdout);
  }
});

test('every block says what it is', () => {
  const unknown = guidePages().flatMap((page) => blocksOf(page)).filter((block) => !['sh', 'ts', 'text', 'json', 'ini'].includes(block.language));
  assert.deepEqual(unknown.map((block) => `${block.page}:${block.line} ${block.language}`), []);
});

interface Session { readonly folder: string; readonly port: number; readonly env: NodeJS.ProcessEnv; readonly background: ChildProcess[] }

async function openSession(t: TestContext): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-guide-'));
  mkdirSync(join(folder, 'bin'));
  symlinkSync(join(repository, 'millrace'), join(folder, 'bin/millrace'));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, MILLRACE_PORT: String(port), MILLRACE_SERVER: `127.0.0.1:${port}` };
  delete env['NODE_TEST_CONTEXT'];
  const session: Session = { folder, port, env, background: [] };
  t.after(async () => {
    for (const child of session.background) await stop(child);
    rmSync(folder, { recursive: true, force: true });
  });
  return session;
}

async function runBlock(block: Block, session: Session): Promise<string> {
  const text = withPort(block.text, session.port);
  const [path, args] = block.language === 'sh' ? ['sh', ['-euc', text]] : [process.execPath, [writeBlock(block, text)]];
  const child = spawn(path as string, args as string[], { cwd: session.folder, env: session.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  return block.words.includes('background') ? untilReady(child, session) : untilDone(child);
}

function untilDone(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said = { out: '', all: '' };
    const timer = setTimeout(() => { kill(child, 'SIGKILL'); reject(new Error(`not finished after ${timeoutMs} ms\n${said.all}`)); }, timeoutMs);
    child.stdout!.on('data', (chunk: Buffer) => { said.out += chunk.toString(); said.all += chunk.toString(); });
    child.stderr!.on('data', (chunk: Buffer) => { said.all += chunk.toString(); });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(said.out);
      else reject(new Error(`exit code ${code}\n${said.all}`));
    });
  });
}

function untilReady(child: ChildProcess, session: Session): Promise<string> {
  session.background.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`not ready after ${timeoutMs} ms\n${said}`)), timeoutMs);
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/\bready\b/.test(said)) { clearTimeout(timer); resolve(said); }
    });
    child.on('close', (code) => { clearTimeout(timer); reject(new Error(`ended with exit code ${code}\n${said}`)); });
  });
}

const withPort = (text: string, port: number): string => text.replaceAll(/\b9092\b/g, String(port));

/** Every line in order; a line '...' stands for any number of lines, and '...' within a line for any text. */
function assertOutput(output: string, expected: string, port: number): void {
  const pattern = withPort(expected, port).split('\n')
    .map((line) => (line.trim() === '...' ? '(?:.*\\n)*?' : `${line.trimEnd().split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}[ ]*\\n`)).join('');
  const plain = output.replace(/[ \t]+$/gm, '');
  assert.match(plain.endsWith('\n') ? plain : `${plain}\n`, new RegExp(`^${pattern}$`), `the output is\n${plain}`);
}

function writeBlock(block: Block, text: string): string {
  mkdirSync(codeFolder, { recursive: true });
  const path = join(codeFolder, `${block.page.replace(/\W+/g, '-')}-${block.line}.ts`);
  writeFileSync(path, `${text}\nexport {};\n`);
  return path;
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => { child.removeAllListeners('close'); child.on('close', () => resolve()); kill(child, 'SIGTERM'); });
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  try { process.kill(-child.pid!, signal); } catch { /* it has ended by itself */ }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
