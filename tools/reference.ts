// tools/reference.ts - the parts of the guide that are tables of the code: settings, configurations, commands, errors, exit codes.
// Usage: node tools/reference.ts    rewrites the marked parts; reference.test.ts fails when a page is behind the code.
// Owns: how each table is written. R1 A marked part stands between <!-- begin NAME --> and <!-- end NAME -->; nothing else is touched.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { errorCatalogue } from '../packages/millrace/src/base/mod.ts';
import { rules as accessRules } from '../packages/millrace/src/broker/authorization/rules.ts';
import type { ConfigDefinition } from '../packages/millrace/src/broker/config/definition.ts';
import { nodeDefinitions } from '../packages/millrace/src/broker/config/node-definitions.ts';
import { topicDefinitions } from '../packages/millrace/src/broker/config/topic-definitions.ts';
import { commands } from '../packages/millrace/src/cli/commands.ts';
import { exitCodes } from '../packages/millrace/src/cli/exit-codes.ts';
import { type SettingName, settings } from '../packages/millrace/src/cli/settings.ts';
import type { Shell } from '../packages/millrace/src/cli/shell.ts';
import { Terminal } from '../packages/millrace/src/cli/terminal.ts';
import { families, type Family } from '../packages/millrace/src/node/metrics/families.ts';
import { guidePages } from './guide.ts';
import { repository } from './source.ts';

const writers: Readonly<Record<string, () => string | Promise<string>>> = {
  'settings': settingsTable,
  'node configuration': () => definitionsTable(nodeDefinitions),
  'topic configuration': () => definitionsTable(topicDefinitions),
  'error codes': errorsTable,
  'exit codes': exitCodesTable,
  'commands': commandsText,
  'access rules': rulesTable,
  'metrics': metricsTables,
};

/** The page with its marked parts as the code says now. Throws for a mark without end or writer. */
export async function refreshed(page: string, text: string): Promise<string> {
  let result = text;
  for (const [mark, name] of text.matchAll(/<!-- begin ([\w ]+) -->/g)) {
    const end = `<!-- end ${name} -->`;
    const writer = writers[name!];
    if (writer === undefined || !result.includes(end)) throw new Error(`${page}: no writer or no end for '${name}'`);
    const from = result.indexOf(mark) + mark.length;
    result = `${result.slice(0, from)}\n${await writer()}\n${result.slice(result.indexOf(end))}`;
  }
  return result;
}

function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function settingsTable(): string {
  const rows = (Object.keys(settings) as SettingName[]).map((name) => {
    const setting = settings[name];
    return [`\`${name}\``, `\`${setting.flag}\``, `\`${setting.env}\``, setting.defaultText === undefined ? '' : `\`${setting.defaultText}\``, setting.used, setting.help];
  });
  return tableOf(['in the file', 'flag', 'environment', 'default', 'read by', 'what it does'], rows);
}

function definitionsTable(definitions: ReadonlyMap<string, ConfigDefinition>): string {
  const forEver = '9223372036854775807';
  return tableOf(['name', 'kind', 'default', 'what it does'], [...definitions.values()].map((one) => [
    `\`${one.name}\``, one.allowed === undefined ? one.kind : one.allowed.filter((word) => word !== '').map((word) => `\`${word}\``).join(' or '),
    one.defaultText === null || one.defaultText === '' ? '' : `\`${one.defaultText === forEver ? '2^63-1' : one.defaultText}\``, one.documentation,
  ]));
}

function errorsTable(): string {
  return tableOf(['code', 'try again?', 'what it means'], Object.entries(errorCatalogue).map(([code, { retry, help }]) => [`\`${code}\``, retry ? 'yes' : 'no', help]));
}

function exitCodesTable(): string {
  return tableOf(['code', 'when'], Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]));
}

function rulesTable(): string {
  const rows = [...accessRules.values()].filter(({ guard }) => guard !== 'nobody asks').sort((a, b) => a.api.key - b.api.key);
  return tableOf(['key', 'request', 'needs'], rows.map(({ api, needs }) => [String(api.key), api.name, needs]));
}

function metricsTables(): string {
  const all = Object.values<Family>(families);
  return [...new Set(all.map(({ section }) => section))].map((section) => {
    const rows = all.filter((one) => one.section === section).map(({ name, kind, labels, help, detail }) => [
      `\`${name}\``, kind, labels.map((label) => (label === 'partition' && detail === 'partition' ? `*${label}*` : label)).join(', '), help,
    ]);
    return `## ${section}\n\n${tableOf(['name', 'kind', 'labels', 'what it says'], rows)}`;
  }).join('\n\n');
}

async function commandsText(): Promise<string> {
  const parts: string[] = [];
  for (const entry of commands) {
    const written: string[] = [];
    const out = new Terminal({ write: (text) => written.push(text), isTTY: true, columns: 100 }, {}, false);
    const shell: Shell = { env: {}, folder: '.', stdin: (async function* () {})(), stdinIsTerminal: false, out, err: out, stop: new AbortController().signal };
    const define = await entry.load();
    const helps = [define(shell), ...define(shell).commands].map((command) => helpOf(command, written));
    parts.push(`### ${entry.name}`, ...helps.map((help) => `\`\`\`text\n${help}\n\`\`\``));
  }
  return parts.join('\n\n');
}

function helpOf(command: Command, written: string[]): string {
  written.length = 0;
  command.outputHelp();
  return written.join('').trimEnd();
}

if (import.meta.main) {
  for (const page of guidePages()) {
    const path = join(repository, page);
    const text = readFileSync(path, 'utf8');
    const fresh = await refreshed(page, text);
    if (fresh !== text) { writeFileSync(path, fresh); console.log(`rewrote ${page}`); }
  }
}
