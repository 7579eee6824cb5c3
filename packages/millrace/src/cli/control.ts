// cli/control.ts - how a command reaches the node that runs on a data folder, beside the protocol of its clients.
// Owns: a local socket that only the node's user may open: `control.sock` in the data folder, or where that path would be too long for a
// socket, one in a temporary folder that `control.json` names. One JSON line each way; docs/formats/control.md.
// K1 Both files are there only while the node serves; what a killed node left leads nowhere and counts as none.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, isMillraceError, MillraceError } from '../base/mod.ts';
import type { CopySummary } from '../log/mod.ts';
import type { Node, NodeStatus, NodeUser, UsersChange } from '../node/mod.ts';

/** What the node's faults can be told. */
export type FaultCommand =
  | { readonly kind: 'set'; readonly plan: FaultPlan }
  | { readonly kind: 'clear' | 'report' }
  | { readonly kind: 'move-leader'; readonly topic: string; readonly partition: number; readonly to?: number }
  | { readonly kind: 'move-coordinator'; readonly of: 'group' | 'transaction'; readonly name: string; readonly to?: number };
type FaultReport = Awaited<ReturnType<Node['faults']['report']>>;
type FaultPlan = Parameters<Node['faults']['set']>[0];

/** What may be asked of a running node, and what each answers. */
export interface ControlActions {
  backup(request: { readonly folder: string }): Promise<CopySummary>;
  users(request: { readonly change: UsersChange }): Promise<NodeUser[]>;
  status(request: object): Promise<NodeStatus>;
  metrics(request: object): Promise<{ readonly text: string }>;
  faults(request: { readonly command: FaultCommand }): Promise<FaultReport>;
}

type Verb = keyof ControlActions;
type Done<V extends Verb> = Awaited<ReturnType<ControlActions[V]>>;
/** One request, with what its action takes. */
export type ControlRequest<V extends Verb = Verb> = { readonly do: V } & Parameters<ControlActions[V]>[0];

type ControlAnswer<V extends Verb = Verb> = { readonly done: Done<V> } | { readonly error: { readonly code: ErrorCode; readonly message: string } };

const controlFile = 'control.json';
const socketName = 'control.sock';
/** A socket's path may take 104 bytes on macOS and 108 on Linux, with its end. */
const socketPathBytesMax = 103;

/** Hands a command to the node's faults. */
export function playCommand({ faults }: Node, command: FaultCommand): Promise<FaultReport> {
  switch (command.kind) {
    case 'set': return faults.set(command.plan);
    case 'clear': return faults.clear();
    case 'report': return faults.report();
    case 'move-leader': return faults.moveLeader(command.topic, command.partition, command.to);
    case 'move-coordinator': return faults.moveCoordinator(command.of, command.name, command.to);
  }
}

/** Serves requests until the returned function is called; the caller holds the data folder's lock. */
export async function serveControl(dataFolder: string, actions: ControlActions): Promise<() => Promise<void>> {
  const inFolder = join(dataFolder, socketName);
  const temporary = Buffer.byteLength(inFolder) <= socketPathBytesMax ? null : mkdtempSync(join(tmpdir(), 'millrace-'));
  const socketPath = temporary === null ? inFolder : join(temporary, socketName);
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => { void answer(socket, actions); });
  await listen(server, socketPath);
  if (temporary !== null) writeFileSync(join(dataFolder, controlFile), `${JSON.stringify({ socketPath })}\n`, { mode: 0o600 });
  return async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(join(dataFolder, controlFile), { force: true });
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
  };
}

/** Asks the node that runs on the folder; undefined when none does. Rejects with what the node rejects. */
export async function askNode<V extends Verb>(dataFolder: string, request: ControlRequest<V>): Promise<Done<V> | undefined> {
  const socket = await connectTo(dataFolder);
  if (socket === undefined) return undefined;
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const line of await linesOf(socket)) {
    socket.end();
    const answer = JSON.parse(line) as ControlAnswer<V>;
    if ('error' in answer) throw new MillraceError(answer.error.code, answer.error.message);
    return answer.done;
  }
  throw new MillraceError('disconnected', `Cannot finish: the node on '${dataFolder}' ended before it answered`);
}

/** Its module is loaded at the first use: hardly any start of a node is followed by one. */
async function linesOf(socket: Socket): Promise<AsyncIterable<string>> {
  const { createInterface } = await import('node:readline');
  return createInterface(socket);
}

async function answer(socket: Socket, actions: ControlActions): Promise<void> {
  socket.on('error', () => {}); // whoever asked has gone
  for await (const line of await linesOf(socket)) {
    const answer: ControlAnswer = await act(actions, line).then((done) => ({ done }), (error: unknown) => ({ error: errorOf(error) }));
    socket.write(`${JSON.stringify(answer)}\n`);
  }
}

async function act(actions: ControlActions, line: string): Promise<Done<Verb>> {
  const request = JSON.parse(line) as ControlRequest;
  switch (request.do) {
    case 'backup': return actions.backup(request as ControlRequest<'backup'>);
    case 'users': return actions.users(request as ControlRequest<'users'>);
    case 'status': return actions.status(request);
    case 'metrics': return actions.metrics(request);
    case 'faults': return actions.faults(request as ControlRequest<'faults'>);
    default: throw new MillraceError('invalid-argument', `Cannot do '${String((request as { do: unknown }).do)}': this node does not know it`);
  }
}

function errorOf(error: unknown): { code: ErrorCode; message: string } {
  return isMillraceError(error) ? { code: error.code, message: error.message } : { code: 'server-error', message: error instanceof Error ? error.message : String(error) };
}

/** The socket's file is made at once, readable by its owner only. */
function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o077);
  try {
    return new Promise((resolve, reject) => { server.once('error', reject); server.listen(path, resolve); });
  } finally {
    process.umask(before);
  }
}

/** Undefined when no node serves there (K1). */
function connectTo(dataFolder: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPathOf(dataFolder), () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

function socketPathOf(dataFolder: string): string {
  try {
    return (JSON.parse(readFileSync(join(dataFolder, controlFile), 'utf8')) as { socketPath: string }).socketPath;
  } catch {
    return join(dataFolder, socketName);
  }
}
