// cli/settings.ts - every setting that does not belong to one call alone: one table, from which flags, help, types and docs/guide/configuration.md come.
// Owns: the table, and who wins: flag, then environment, then settings file, then default. Never: a node's Kafka configuration (broker/config).
// S1 A value that was given anywhere is checked, also when a stronger place overrules it. S2 An unknown name in the file is an error.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nearest } from './nearest.ts';
import type { Shell } from './shell.ts';
import { type Address, parseAddress, parseBoolean, parseChoice, parsePair, parseWhole, usageError } from './values.ts';

/** Port of a node when none is named: the one that Kafka's clients try. */
export const portDefault = 9092;

/** As wire/ has them; named here so that no command loads the wire for its flags. */
const saslMechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] as const;
type PasswordMechanism = (typeof saslMechanisms)[number];

/** One setting. `parse` gets the texts given for it: one, or for a list all of them, and the name to blame. */
interface Setting<T> {
  readonly flag: string;
  readonly env: string;
  /** 'list': the flag may be repeated, the variable is split at commas. 'path': relative to the folder of whoever gives it. */
  readonly kind: 'one' | 'path' | 'list';
  /** As the user would write it; undefined for none. */
  readonly defaultText?: string;
  /** Which commands read it. */
  readonly used: string;
  readonly help: string;
  readonly parse: (name: string, texts: readonly string[]) => T;
}

/** Where a node listens, and what it tells clients to connect to. */
export interface ListenAddress extends Address { readonly advertised?: Address }

const one = <T>(parse: (name: string, text: string) => T) => (name: string, texts: readonly string[]): T => parse(name, texts[0]!);
const text = one((_name, given) => given);

/** The table. The keys are the names in the settings file. */
export const settings = {
  data: {
    flag: '--data <folder>', env: 'MILLRACE_DATA', kind: 'path', defaultText: 'millrace-data', used: 'start', parse: text,
    help: 'folder of the node; made when it is not there',
  },
  host: {
    flag: '--host <host>', env: 'MILLRACE_HOST', kind: 'one', defaultText: '127.0.0.1', used: 'start', parse: text,
    help: 'address to listen on; one that other machines can reach needs --sasl, --tls-client-auth required, or --insecure',
  },
  port: {
    flag: '--port <number>', env: 'MILLRACE_PORT', kind: 'one', defaultText: String(portDefault), used: 'start',
    parse: one((name, given) => parseWhole(name, given, 0, 65535)),
    help: 'port to listen on; 0 takes a free one',
  },
  advertise: {
    flag: '--advertise <address>', env: 'MILLRACE_ADVERTISE', kind: 'one', defaultText: undefined, used: 'start',
    parse: one((name, given): Address | undefined => parseAddress(name, given)),
    help: 'HOST:PORT that clients are told to connect to, when it differs from where the node listens (containers, proxies)',
  },
  listen: {
    flag: '--listen <address>', env: 'MILLRACE_LISTEN', kind: 'list', defaultText: undefined, used: 'start', parse: parseListen,
    help: 'a further HOST:PORT to listen on, each with its own advertised address as HOST:PORT=HOST:PORT; may be repeated',
  },
  tlsCert: {
    flag: '--tls-cert <file>', env: 'MILLRACE_TLS_CERT', kind: 'path', defaultText: undefined, used: 'start', parse: text,
    help: 'speak TLS on --host and --port with the certificate (and its chain) in this PEM file; looked at again every ten seconds',
  },
  tlsKey: {
    flag: '--tls-key <file>', env: 'MILLRACE_TLS_KEY', kind: 'path', defaultText: undefined, used: 'start', parse: text,
    help: 'its key (default: in the same file)',
  },
  tlsCa: {
    flag: '--tls-ca <file>', env: 'MILLRACE_TLS_CA', kind: 'path', defaultText: undefined, used: 'start', parse: text,
    help: 'whose signature makes the certificate of a client count',
  },
  tlsClientAuth: {
    flag: '--tls-client-auth <how>', env: 'MILLRACE_TLS_CLIENT_AUTH', kind: 'one', defaultText: 'none', used: 'start',
    parse: one((name, given) => parseChoice(name, given, ['none', 'requested', 'required'])),
    help: 'whether clients are asked for a certificate',
  },
  sasl: {
    flag: '--sasl <mechanism>', env: 'MILLRACE_SASL', kind: 'list', defaultText: undefined, used: 'start',
    parse: (name, texts) => texts.flatMap((given) => given.split(',')).map((given) => parseChoice(name, given.trim().toUpperCase(), saslMechanisms)),
    help: 'clients say who they are on --host and --port: scram-sha-512, scram-sha-256 (users: millrace users), plain (--sasl-users); may be repeated',
  },
  saslUsers: {
    flag: '--sasl-users <file>', env: 'MILLRACE_SASL_USERS', kind: 'path', defaultText: undefined, used: 'start', parse: text,
    help: 'users of plain, a line each: NAME:PASSWORD',
  },
  insecure: {
    flag: '--insecure', env: 'MILLRACE_INSECURE', kind: 'one', defaultText: 'false', used: 'start', parse: one(parseBoolean),
    help: 'let whoever reaches --host, or --listen, read, write and delete everything',
  },
  set: {
    flag: '--set <key=value>', env: 'MILLRACE_SET', kind: 'list', defaultText: undefined, used: 'start',
    parse: (name, texts) => Object.fromEntries(texts.map((given) => parsePair(name, given))),
    help: "one of the node's own configurations by Kafka's name, such as log.retention.ms=3600000; may be repeated",
  },
  logFormat: {
    flag: '--log-format <format>', env: 'MILLRACE_LOG_FORMAT', kind: 'one', defaultText: 'text', used: 'start',
    parse: one((name, given) => parseChoice(name, given, ['text', 'json'])),
    help: 'how the node tells what it does: text for people, json (one object a line) for programs',
  },
  logLevel: {
    flag: '--log-level <level>', env: 'MILLRACE_LOG_LEVEL', kind: 'one', defaultText: 'info', used: 'start',
    parse: one((name, given) => parseChoice(name, given, ['info', 'warn', 'error'])),
    help: 'the least that a line of the log must matter: info, warn or error; ready, stopping and stopped are told in any case',
  },
  metricsPort: {
    flag: '--metrics-port <number>', env: 'MILLRACE_METRICS_PORT', kind: 'one', defaultText: undefined, used: 'start',
    parse: one((name, given): number | undefined => parseWhole(name, given, 0, 65535)),
    help: 'port for /metrics, /healthz and /readyz over HTTP; 0 takes a free one; left out, there is none',
  },
  metricsHost: {
    flag: '--metrics-host <host>', env: 'MILLRACE_METRICS_HOST', kind: 'one', defaultText: '127.0.0.1', used: 'start', parse: text,
    help: 'address for them; whoever reaches it may read the names of topics and groups, and all figures',
  },
  server: {
    flag: '--server <address>', env: 'MILLRACE_SERVER', kind: 'one', defaultText: `127.0.0.1:${portDefault}`, used: 'topics, produce, consume, groups, users, acls, quotas, top',
    parse: one((name, given) => { for (const part of given.split(',')) parseAddress(name, part, portDefault); return given; }),
    help: 'HOST:PORT of the node, or of any Kafka, to talk to; several are separated by commas; --bootstrap-server is taken too',
  },
  timeoutMs: {
    flag: '--timeout-ms <number>', env: 'MILLRACE_TIMEOUT_MS', kind: 'one', defaultText: '15000', used: 'topics, produce, consume, groups, users, acls, quotas, top',
    parse: one((name, given) => parseWhole(name, given, 1, 3_600_000)),
    help: 'longest wait for any one answer',
  },
  tls: {
    flag: '--tls', env: 'MILLRACE_TLS', kind: 'one', defaultText: 'false', used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: one(parseBoolean),
    help: 'speak TLS with the server',
  },
  ca: {
    flag: '--ca <file>', env: 'MILLRACE_CA', kind: 'path', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: "whose signature makes the server's certificate count, as PEM; speaks TLS",
  },
  clientCert: {
    flag: '--client-cert <file>', env: 'MILLRACE_CLIENT_CERT', kind: 'path', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: 'certificate to show to the server, as PEM; speaks TLS',
  },
  clientKey: {
    flag: '--client-key <file>', env: 'MILLRACE_CLIENT_KEY', kind: 'path', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: 'its key (default: in the same file)',
  },
  user: {
    flag: '--user <name>', env: 'MILLRACE_USER', kind: 'one', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: 'who to log in as; the password is in --password-file or in the variable MILLRACE_PASSWORD',
  },
  passwordFile: {
    flag: '--password-file <file>', env: 'MILLRACE_PASSWORD_FILE', kind: 'path', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: 'file whose first line is the password',
  },
  mechanism: {
    flag: '--mechanism <name>', env: 'MILLRACE_MECHANISM', kind: 'one', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top',
    parse: one((name, given): PasswordMechanism | undefined => parseChoice(name, given.toUpperCase(), ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'])),
    help: 'how to log in: scram-sha-512, scram-sha-256 or plain (default: the strongest that the server has; plain only with TLS)',
  },
  tokenFile: {
    flag: '--token-file <file>', env: 'MILLRACE_TOKEN_FILE', kind: 'path', defaultText: undefined, used: 'topics, produce, consume, groups, users, acls, quotas, top', parse: text,
    help: 'file with a token (JWT) to log in with, read anew at every login',
  },
} as const satisfies Record<string, Setting<unknown>>;

/** Name of a setting, as in the settings file. */
export type SettingName = keyof typeof settings;

/** Where a value came from, strongest first. */
export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** Value of a setting; undefined where none was given and there is no default. */
export type SettingValue<N extends SettingName> = ReturnType<(typeof settings)[N]['parse']> | ((typeof settings)[N]['defaultText'] extends undefined ? undefined : never);

/** Values of some settings, and where each came from. */
export interface Resolved<N extends SettingName> {
  readonly values: { readonly [K in N]: SettingValue<K> };
  readonly origins: { readonly [K in N]: Origin };
}

/** What `millrace.config.ts` may export as its default. @example export default { port: 19092, set: { 'num.partitions': 4 } } satisfies MillraceConfig */
export type MillraceConfig = { readonly [K in SettingName]?: (typeof settings)[K]['kind'] extends 'list' ? readonly string[] | Readonly<Record<string, string | number | boolean>> : string | number | boolean };

/** The flag as commander wants it. */
export const settingFlag = (name: SettingName): string => settings[name].flag;

/** Commander's name for the value of a flag: `--log-format` is logFormat, and so are ours. */
const flagName = (name: SettingName): string => settings[name].flag.split(' ')[0]!;

/**
 * Values of the named settings. `flags` is what commander parsed (with `settings` for `--settings`). Rejects 'invalid-argument' with `usage`.
 */
export async function resolveSettings<N extends SettingName>(shell: Shell, flags: Readonly<Record<string, unknown>>, names: readonly N[]): Promise<Resolved<N>> {
  const file = await readConfigFile(shell, flags['settings'] as string | undefined);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const name of names) {
    const candidates = candidatesFor(name, shell, flags, file).map(({ origin, blame, texts }) => ({ origin, value: settings[name].parse(blame, texts) }));
    values[name] = candidates[0]?.value;
    origins[name] = candidates[0]?.origin ?? 'default';
  }
  return { values, origins } as Resolved<N>;
}

interface Candidate { readonly origin: Origin; readonly blame: string; readonly texts: readonly string[] }

/** Every place that gives the setting, strongest first. */
function candidatesFor(name: SettingName, shell: Shell, flags: Readonly<Record<string, unknown>>, file: ConfigFile | undefined): Candidate[] {
  const setting: Setting<unknown> = settings[name];
  const found: Candidate[] = [];
  const add = (origin: Origin, blame: string, texts: readonly string[], folder: string) =>
    found.push({ origin, blame, texts: setting.kind === 'path' ? texts.map((path) => resolve(folder, path)) : texts });
  const flag = flags[name];
  if (flag !== undefined) add('flag', flagName(name), Array.isArray(flag) ? flag : [String(flag)], shell.folder);
  const variable = shell.env[setting.env];
  if (variable !== undefined && variable !== '') add('environment', setting.env, setting.kind === 'list' ? variable.split(',') : [variable], shell.folder);
  if (file !== undefined && file.values[name] !== undefined) add('file', `'${name}' in ${file.path}`, fileTexts(name, file), dirname(file.path));
  if (setting.defaultText !== undefined) add('default', `the default of ${flagName(name)}`, [setting.defaultText], shell.folder);
  return found;
}

interface ConfigFile { readonly path: string; readonly values: Readonly<Record<string, unknown>> }

async function readConfigFile(shell: Shell, named: string | undefined): Promise<ConfigFile | undefined> {
  const given = named ?? (shell.env['MILLRACE_SETTINGS'] || undefined);
  const path = resolve(shell.folder, given ?? 'millrace.config.ts');
  if (!existsSync(path)) {
    if (given !== undefined) throw usageError(`Cannot read the settings file '${path}': no such file`);
    return undefined;
  }
  const exported = (await importFile(path)).default;
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) throw usageError(`Cannot use the settings file '${path}': it must export its settings as default, such as: export default { port: 19092 }`);
  for (const key of Object.keys(exported)) if (!Object.hasOwn(settings, key)) throw unknownSetting(key, path);
  return { path, values: exported as Record<string, unknown> };
}

async function importFile(path: string): Promise<{ default?: unknown }> {
  try {
    return (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw usageError(`Cannot read the settings file '${path}': ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function unknownSetting(key: string, path: string): Error {
  const near = nearest(key, Object.keys(settings));
  return usageError(`Cannot use '${key}' in ${path}: no such setting${near === undefined ? `; there are ${Object.keys(settings).join(', ')}` : `; did you mean '${near}'?`}`);
}

function fileTexts(name: SettingName, file: ConfigFile): string[] {
  const value = file.values[name];
  const plain = (given: unknown): given is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof given);
  if (plain(value)) return [String(value)];
  if (settings[name].kind === 'list') {
    if (Array.isArray(value) && value.every(plain)) return value.map(String);
    if (typeof value === 'object' && value !== null && Object.values(value).every(plain)) return Object.entries(value).map(([key, given]) => `${key}=${given}`);
  }
  throw usageError(`Cannot use '${name}' in ${file.path}: it must be ${settings[name].kind === 'list' ? 'a list of texts, or keys with values' : 'one text or number'}`);
}

function parseListen(name: string, texts: readonly string[]): ListenAddress[] {
  return texts.map((given) => {
    const [address, advertised] = given.split('=', 2) as [string, string?];
    return { ...parseAddress(name, address), ...(advertised === undefined ? {} : { advertised: parseAddress(name, advertised) }) };
  });
}

