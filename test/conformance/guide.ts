// test/conformance/guide.ts - `node test/conformance/guide.ts`: writes the matrix of the last run into docs/guide/compatibility.md.
// Owns: the tables between the two marks of that page. Never: results; it reads what the tests left beside the peers. It refuses to write a run that
// was not whole or not green, so the page cannot claim what did not pass.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peersFolder, rootFolder } from '../peers/places.ts';
import type { Outcome } from './matrix.ts';

type Row = { client: string; case: string; kafka?: Outcome; millrace?: Outcome };

const page = join(rootFolder, 'docs/guide/compatibility.md');
const marks = { begin: '<!-- matrix: begin -->', end: '<!-- matrix: end -->' } as const;

const titles: Record<string, string> = { clients: 'Clients', restart: 'The broker killed and stopped under load', tools: "Kafka's command line tools", protocol: 'Requests that no well-meaning client sends' };

const tables = Object.entries(titles).map(([name, title]) => {
  const rows = JSON.parse(readFileSync(join(peersFolder, `conformance-${name}.json`), 'utf8')) as Row[];
  for (const row of rows) {
    for (const target of ['kafka', 'millrace'] as const) {
      const kind = row[target]?.kind ?? 'not run';
      if (kind !== 'pass' && kind !== 'lacks') throw new Error(`Cannot write the matrix: '${row.case}' for ${row.client} on ${target}: ${kind}`);
    }
  }
  return `### ${title}\n\n${markdown(rows)}`;
});

const text = readFileSync(page, 'utf8');
const before = text.slice(0, text.indexOf(marks.begin) + marks.begin.length);
writeFileSync(page, `${before}\n${tables.join('\n')}${text.slice(text.indexOf(marks.end))}`);

function markdown(rows: readonly Row[]): string {
  const clients = [...new Set(rows.map(({ client }) => client))].sort();
  const names = [...new Set(rows.map((row) => row.case))];
  const reasons: string[] = [];
  const cell = (name: string, client: string): string => {
    const outcome = rows.find((row) => row.case === name && row.client === client)?.millrace;
    if (outcome === undefined) return '';
    if (outcome.kind !== 'lacks') return 'yes';
    const reason = `${client}: ${outcome.reason}`;
    if (!reasons.includes(reason)) reasons.push(reason);
    return `– (${reasons.indexOf(reason) + 1})`;
  };
  const lines = [`| | ${clients.join(' | ')} |`, `|---|${clients.map(() => '---|').join('')}`, ...names.map((name) => `| ${name} | ${clients.map((client) => cell(name, client)).join(' | ')} |`)];
  return `${lines.join('\n')}\n\n${reasons.map((reason, i) => `${i + 1}. ${reason}\n`).join('')}${reasons.length > 0 ? '\n' : ''}`;
}
