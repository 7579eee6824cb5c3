// The dashboard and the alerts name metrics and labels that a node has, and are formed as Grafana and Prometheus want them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { families, seriesNames, type Family } from '../packages/millrace/src/node/metrics/families.ts';
import { repository } from '../tools/source.ts';

const read = (name: string): string => readFileSync(join(repository, 'docs/monitoring', name), 'utf8');

const series = seriesNames();
const labels = new Set(['le', 'instance', 'job', ...Object.values<Family>(families).flatMap((family) => family.labels)]);
/** What Prometheus adds by itself. */
const given = new Set(['up']);

/** Fails for a metric or a label that no node tells; answers the metrics. */
function checkQuery(query: string, where: string): string[] {
  const bare = query.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const named = [...bare.matchAll(/\b(?:kafka|millrace|process|nodejs)_\w+/g)].map(([name]) => name).concat(/\bup\b/.test(bare) ? ['up'] : []);
  assert.ok(named.length > 0, `${where}: '${query}' names no metric`);
  for (const name of named) assert.ok(series.has(name) || given.has(name), `${where}: there is no metric ${name}`);
  for (const [, inside] of bare.matchAll(/\{([^}]*)\}/g)) for (const pair of inside!.split(',')) assert.ok(labels.has(/^\s*(\w+)/.exec(pair)?.[1] ?? ''), `${where}: there is no label in '${pair}'`);
  for (const [, inside] of bare.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) for (const label of inside!.split(',')) assert.ok(labels.has(label.trim()), `${where}: there is no label ${label}`);
  for (const name of named) if (name.endsWith('_total') || /_(bucket|sum|count)$/.test(name) && !name.endsWith('connection_count')) assert.match(bare, /\b(rate|increase)\(/, `${where}: the counter ${name} is looked at as a rate`);
  let depth = 0;
  for (const sign of bare) { depth += '([{'.includes(sign) ? 1 : ')]}'.includes(sign) ? -1 : 0; assert.ok(depth >= 0, where); }
  assert.equal(depth, 0, `${where}: brackets`);
  return named;
}

interface Panel { readonly id: number; readonly type: string; readonly title: string; readonly gridPos: { x: number; y: number; w: number; h: number }; readonly targets?: { expr: string; refId: string }[] }
interface Dashboard { readonly uid: string; readonly title: string; readonly panels: Panel[]; readonly templating: { list: { name: string; query: string | { query: string } }[] } }

test('every panel of the dashboard asks for what there is, and has a place of its own', () => {
  const dashboard = JSON.parse(read('grafana-dashboard.json')) as Dashboard;
  const taken = new Set<string>();
  assert.equal(new Set(dashboard.panels.map((panel) => panel.id)).size, dashboard.panels.length);
  for (const { type, title, targets, gridPos } of dashboard.panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) { assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${title} lies over another`); taken.add(`${x} ${y}`); }
    }
    if (type === 'row') continue;
    assert.ok(targets !== undefined && targets.length > 0, title);
    assert.equal(new Set(targets.map((one) => one.refId)).size, targets.length, title);
    for (const { expr } of targets) checkQuery(expr, title);
  }
  const variables = dashboard.templating.list.map((one) => one.name);
  for (const [, name] of JSON.stringify(dashboard.panels).matchAll(/\$\{?([a-z]\w*)\}?/g)) assert.ok(variables.includes(name!), `the variable ${name}`);
  for (const { query } of dashboard.templating.list) if (typeof query === 'object') checkQuery(/^label_values\((.*), \w+\)$/.exec(query.query)![1]!, query.query);
});

test('every alert asks for what there is, and says what to do', () => {
  const rules = read('alerts.yml').split(/^ {6}- alert: /m).slice(1);
  assert.ok(rules.length >= 10);
  const names = rules.map((rule) => /^(Millrace\w+)\n/.exec(rule)?.[1]);
  assert.equal(new Set(names).size, rules.length, 'each has a name of its own');
  for (const [i, rule] of rules.entries()) {
    const expr = /^ {8}expr: (.+)$/m.exec(rule)?.[1];
    assert.ok(expr !== undefined, names[i]);
    checkQuery(expr, names[i]!);
    assert.match(rule, /^ {8}labels: \{ severity: (?:critical|warning) \}$/m, names[i]);
    assert.match(rule, /^ {10}summary: ".+"$/m, names[i]);
    assert.match(rule, /^ {10}description: ".+"$/m, names[i]);
    for (const [, label] of rule.matchAll(/\$labels\.(\w+)/g)) assert.ok(label === 'instance' || expr.includes(label!) || checkQuery(expr, names[i]!).some((name) => Object.values<Family>(families).some((family) => name.startsWith(family.name) && family.labels.includes(label!))), `${names[i]}: ${label}`);
  }
});
