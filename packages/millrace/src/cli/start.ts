// cli/start.ts - `millrace start`: a node in the foreground until it is asked to stop.
// Owns: its flags, what it says while it runs. Never: the node (node/), which is loaded only when it is really started.
// S1 The line that says 'ready' comes after clients can connect. S2 The first SIGTERM or SIGINT stops cleanly: exit code 0.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { isLoopback, limits } from '../base/mod.ts';
import type { NodeListener, NodeOptions } from '../node/mod.ts';
import { addSettings, newCommand } from './command.ts';
import { playCommand, serveControl } from './control.ts';
import { NodeLog } from './node-log.ts';
import { type ListenAddress, type Resolved, resolveSettings, settingFlag } from './settings.ts';
import type { Shell } from './shell.ts';
import { table } from './table.ts';
import { type Address, parseWhole, usageError } from './values.ts';
import { version } from './version.ts';

type WorldOptions = Pick<NodeOptions, 'asKafkaVersion' | 'brokers' | 'faults'>;

/** Settings that `start` reads. */
const names = ['data', 'host', 'port', 'advertise', 'listen', 'tlsCert', 'tlsKey', 'tlsCa', 'tlsClientAuth', 'sasl', 'saslUsers', 'insecure', 'set', 'metricsPort', 'metricsHost', 'logFormat', 'logLevel'] as const;
type StartSettings = Resolved<(typeof names)[number]>;

/** Defines the command. */
export function startCommand(shell: Shell): Command {
  return addSettings(newCommand(shell, 'start', 'Runs a node in the foreground. It says `ready` with its address once clients can connect; Ctrl-C or SIGTERM stops it cleanly.', [
    { says: 'a node on 127.0.0.1:9092 with its data in ./millrace-data', line: 'millrace start' },
    { says: 'elsewhere, and with four partitions for new topics', line: 'millrace start --data /var/lib/millrace --port 19092 --set num.partitions=4' },
    { says: 'for other machines, who log in over TLS (users: millrace users add), and without a login for this one', line: 'millrace start --host 0.0.0.0 --port 9093 --advertise bus.example.com:9093 --tls-cert bus.pem --sasl scram-sha-512 --listen 127.0.0.1:9092' },
    { says: 'for tests: what Apache Kafka 3.5 has, shown as three brokers on ports 9092 to 9094', line: 'millrace start --as-kafka 3.5 --brokers 3' },
    { says: 'in a container whose network is trusted: one address for inside, one for outside', line: 'millrace start --insecure --host 0.0.0.0 --advertise millrace:9092 --listen 0.0.0.0:19092=localhost:19092' },
    { says: 'with metrics for Prometheus, and health and readiness, at http://127.0.0.1:9464', line: 'millrace start --metrics-port 9464' },
  ]), 'Settings:', ...names)
    .option('--as-kafka <release>', 'for tests: advertise and serve what that release of Apache Kafka has, such as 3.5')
    .option('--brokers <number>', 'for tests: show so many brokers to clients, each at a port of its own from --port on')
    .option('--faults <file>', 'for tests: what goes wrong and how often, as JSON; see millrace faults --help')
    .option('--show-settings', 'print every setting, its value and where it comes from, and do not start')
    .action(async (flags: Record<string, unknown>) => {
      const resolved = await resolveSettings(shell, flags, names);
      if (flags['showSettings'] === true) return showSettings(shell, resolved);
      await runNode(shell, resolved, await worldOf(shell, flags));
    });
}

interface WorldFlags { readonly asKafka?: string; readonly brokers?: string; readonly faults?: string }

/** What the node plays for tests. */
async function worldOf(shell: Shell, { asKafka, brokers, faults }: WorldFlags): Promise<WorldOptions> {
  return {
    ...(asKafka === undefined ? {} : { asKafkaVersion: asKafka }),
    ...(brokers === undefined ? {} : { brokers: parseWhole('--brokers', brokers, 1, limits.world.brokersMax) }),
    ...(faults === undefined ? {} : { faults: await (await import('./faults.ts')).readPlan(shell, faults) }),
  };
}

async function runNode(shell: Shell, { values, origins }: StartSettings, world: WorldOptions): Promise<void> {
  const startedMs = performance.now();
  const log = new NodeLog(shell.out, { format: values.logFormat, level: values.logLevel });
  const [first, ...further] = await listenersOf(values);
  checkOneWay(values, origins);
  const { startNode } = await import('../node/mod.ts');
  let failed!: (error: unknown) => void;
  const fatal = new Promise<never>((_resolve, reject) => { failed = reject; });
  fatal.catch(() => {}); // it may come while the node is closing, when nobody waits for it any more
  const node = await startNode({
    ...first, listeners: further, data: values.data, config: configOf(values), thread: 'caller', onReport: (line, level, facts) => log.say(level, line, facts), onFatal: failed, ...world,
  });
  const closeControl = await serveControl(values.data, {
    backup: ({ folder }) => node.backup(folder), users: ({ change }) => node.users(change), status: () => node.status(), metrics: async () => ({ text: await node.metrics() }), faults: ({ command }) => playCommand(node, command),
  });
  warnOfOpenMetrics(log, node.metricsUrl);
  log.announce(`Millrace ${version} ready at ${node.url}, data in ${values.data} (${Math.round(performance.now() - startedMs)} ms)`, {
    event: 'ready', version, url: node.url, host: node.host, port: node.port, data: values.data, processId: process.pid, ...(node.metricsUrl === null ? {} : { metricsUrl: node.metricsUrl }),
  });
  try {
    await Promise.race([aborted(shell.stop), fatal]);
  } catch (error) {
    log.close();
    throw error;
  }
  log.announce('stopping: no new requests, what is under way is finished', { event: 'stopping' });
  await closeControl();
  const status = await node.status();
  await node.close();
  log.close();
  log.announce('stopped', { event: 'stopped', ...status });
}

/** The node's configuration: the flag for metrics is one of its keys, which may also be set by name. */
function configOf({ set = {}, metricsPort, metricsHost }: StartSettings['values']): Record<string, string> {
  if (metricsPort === undefined) return set;
  if (set[metricsKey] !== undefined) throw usageError(`Cannot serve metrics both at --metrics-port ${metricsPort} and at ${metricsKey}=${set[metricsKey]}: give one of them`);
  return { ...set, [metricsKey]: `${metricsHost.includes(':') ? `[${metricsHost}]` : metricsHost}:${metricsPort}` };
}

const metricsKey = 'millrace.metrics.listener';

async function listenersOf(values: StartSettings['values']): Promise<NodeListener[]> {
  const { host, port, advertise, listen, insecure } = values;
  const security = await securityOf(values);
  const protocol = `${security.sasl === undefined ? '' : 'SASL_'}${security.tls !== undefined ? 'SSL' : 'PLAINTEXT'}`;
  const main: ListenAddress = { host, port, ...(advertise === undefined ? {} : { advertised: advertise }) };
  return [main, ...(listen ?? [])].map((address, i) => {
    if (isWildcard(address.host) && address.advertised === undefined) throw usageError(`Cannot listen on '${address.host}' without an address for clients: add ${i === 0 ? '--advertise HOST:PORT' : `--listen ${address.host}:${address.port}=HOST:PORT`}`);
    return { name: i === 0 ? protocol : `PLAINTEXT${i + 1}`, host: address.host, port: address.port, insecure, ...advertised(address.advertised), ...(i === 0 ? security : {}) };
  });
}

async function securityOf({ tlsCert: cert, tlsKey: key, tlsCa: ca, tlsClientAuth: clientAuth, sasl: mechanisms, saslUsers }: StartSettings['values']): Promise<Pick<NodeListener, 'tls' | 'sasl'>> {
  if (cert === undefined && (key !== undefined || ca !== undefined || clientAuth !== 'none')) throw usageError('Cannot speak TLS without a certificate: add --tls-cert FILE');
  if (clientAuth !== 'none' && ca === undefined) throw usageError('Cannot ask clients for certificates: say whose signature counts, with --tls-ca FILE');
  if (saslUsers !== undefined && mechanisms?.includes('PLAIN') !== true) throw usageError('Cannot use --sasl-users: they log in with plain; add --sasl plain');
  if (mechanisms?.includes('PLAIN') === true && saslUsers === undefined) throw usageError('Cannot use --sasl plain without users: name a file of NAME:PASSWORD lines with --sasl-users');
  return {
    ...(cert === undefined ? {} : { tls: { cert, clientAuth, ...(key === undefined ? {} : { key }), ...(ca === undefined ? {} : { ca }) } }),
    ...(mechanisms === undefined ? {} : { sasl: { mechanisms, ...(saslUsers === undefined ? {} : { plain: await usersIn(saslUsers) }) } }),
  };
}

/** Users of PLAIN. No part of a line stands in an error. */
async function usersIn(path: string): Promise<Record<string, string>> {
  let lines: string[];
  try {
    lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  } catch (error) {
    throw usageError(`Cannot read --sasl-users '${path}': ${(error as NodeJS.ErrnoException).code}`);
  }
  return Object.fromEntries(lines.flatMap((line, i) => {
    if (line === '' || line.startsWith('#')) return [];
    const colon = line.indexOf(':');
    if (colon < 1 || colon === line.length - 1) throw usageError(`Cannot use --sasl-users '${path}': line ${i + 1} is not of the form NAME:PASSWORD`);
    return [[line.slice(0, colon), line.slice(colon + 1)]];
  }));
}

/** Listeners are described by flags or by Kafka's keys, not by both. */
function checkOneWay({ set }: StartSettings['values'], origins: StartSettings['origins']): void {
  if (set?.['listeners'] === undefined) return;
  for (const name of ['host', 'port', 'advertise', 'tlsCert', 'sasl'] as const) {
    if (origins[name] !== 'default') throw usageError(`Cannot use both --set listeners=... and ${settingFlag(name).split(' ')[0]}: describe the listeners in one way`);
  }
}

const advertised = (address: Address | undefined) => (address === undefined ? {} : { advertisedHost: address.host, advertisedPort: address.port });
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

function warnOfOpenMetrics(log: NodeLog, url: string | null): void {
  if (url === null || isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))) return;
  log.say('warn', `metrics at ${url}, which is not loopback: whoever reaches it may read the names of topics and groups, and all figures`, { event: 'open-address', url });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => { if (signal.aborted) resolve(); else signal.addEventListener('abort', () => resolve(), { once: true }); });
}

function showSettings(shell: Shell, { values, origins }: StartSettings): void {
  const shown = { ...values, ...(values.set === undefined ? {} : { set: withoutSecrets(values.set) }) };
  const rows = names.map((name) => [name, shown[name] === undefined ? '' : typeof shown[name] === 'object' ? JSON.stringify(shown[name]) : String(shown[name]), origins[name]]);
  for (const line of table(['setting', 'value', 'from'], rows)) shell.out.line(line);
}

/** Values of keys that hold passwords are not shown; keys that do not exist may be misspelled ones. */
function withoutSecrets(set: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([key, value]) => [key, /password|jaas|key$|secret/i.test(key) ? '[hidden]' : value]));
}
