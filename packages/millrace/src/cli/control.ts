// cli/control.ts - how a command reaches the node that runs on a data folder, beside the protocol of its clients.
// Owns: a socket of the local machine that only the node's user may open, named in `control.json` of the data folder; one JSON line each way.
// K1 The file is there only while the node serves; one that is left by a killed node leads nowhere and counts as none.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ErrorCode, isMillraceError, MillraceError } from '../base/mod.ts';
import type { CopySummary } from '../log/mod.ts';

/** What may be asked of a running node. */
export interface ControlRequest { readonly do: 'backup'; readonly folder: string }

type ControlAnswer = { readonly done: CopySummary } | { readonly error: { readonly code: ErrorCode; readonly message: string } };

const controlFile = 'control.json';

/** Serves requests until the returned function is called. `act` does what is asked. */
export async function serveControl(dataFolder: string, act: (request: ControlRequest) => Promise<CopySummary>): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-')); // its path is short, as a socket's must be, and it is ours alone (mode 700)
  const socketPath = join(folder, 'control.sock');
  const server = createServer((socket) => { void answer(socket, act); });
  await listen(server, socketPath);
  chmodSync(socketPath, 0o600);
  writeFileSync(join(dataFolder, controlFile), `${JSON.stringify({ processId: process.pid, socketPath })}\n`, { mode: 0o600 });
  return async () => {
    rmSync(join(dataFolder, controlFile), { force: true });
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Asks the node that runs on the folder; undefined when none does. Rejects with what the node rejects. */
export async function askNode(dataFolder: string, request: ControlRequest): Promise<CopySummary | undefined> {
  const socket = await connectTo(dataFolder);
  if (socket === undefined) return undefined;
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of createInterface(socket)) {
    socket.end();
    const answer = JSON.parse(line) as ControlAnswer;
    if ('error' in answer) throw new MillraceError(answer.error.code, answer.error.message);
    return answer.done;
  }
  throw new MillraceError('disconnected', `Cannot finish: the node on '${dataFolder}' ended before it answered`);
}

async function answer(socket: Socket, act: (request: ControlRequest) => Promise<CopySummary>): Promise<void> {
  socket.on('error', () => {}); // whoever asked has gone
  for await (const line of createInterface(socket)) {
    const answer: ControlAnswer = await act(JSON.parse(line) as ControlRequest).then((done) => ({ done }), (error: unknown) => ({ error: errorOf(error) }));
    socket.write(`${JSON.stringify(answer)}\n`);
  }
}

function errorOf(error: unknown): { code: ErrorCode; message: string } {
  return isMillraceError(error) ? { code: error.code, message: error.message } : { code: 'server-error', message: error instanceof Error ? error.message : String(error) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => { server.once('error', reject); server.listen(path, resolve); });
}

/** Undefined when no node serves there (K1). */
function connectTo(dataFolder: string): Promise<Socket | undefined> {
  let socketPath: string;
  try {
    socketPath = (JSON.parse(readFileSync(join(dataFolder, controlFile), 'utf8')) as { socketPath: string }).socketPath;
  } catch {
    return Promise.resolve(undefined);
  }
  return new Promise((resolve) => {
    const socket = createConnection(socketPath, () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
