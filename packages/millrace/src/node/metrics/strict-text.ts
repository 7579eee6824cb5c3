// node/metrics/strict-text.ts - for tests: reads metrics as strictly as Prometheus's own readers do, and lints them as promtool does.
// Owns: the rules of both text formats, as far as this node uses them. Never: anything that runs in a node.
import assert from 'node:assert/strict';

/** One metric as read. */
export interface ReadFamily { readonly name: string; readonly kind: string; readonly help: string; readonly samples: { readonly name: string; readonly labels: ReadonlyMap<string, string>; readonly value: number }[] }

const headPattern = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const samplePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const numberPattern = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]Inf)$/;
const suffixes: Readonly<Record<string, readonly string[]>> = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] };

/** Reads a text; fails the test at the first line that is not as it must be. */
export function readStrictly(text: string, format: 'prometheus' | 'openmetrics' = 'prometheus'): Map<string, ReadFamily> {
  assert.ok(text.endsWith('\n'), 'the text ends with a line feed');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics') assert.equal(lines.pop(), '# EOF');
  const families = new Map<string, ReadFamily>();
  let open: ReadFamily | null = null;
  let help: { name: string; text: string } | null = null;
  for (const line of lines) {
    const head = headPattern.exec(line);
    if (head?.[1] === 'HELP') { help = { name: head[2]!, text: head[3]! }; continue; }
    if (head !== null) {
      const [, , name, kind] = head as unknown as [string, string, string, string];
      assert.equal(help?.name, name, `${line}: HELP comes before TYPE`);
      assert.ok(Object.hasOwn(suffixes, kind), `${line}: no such kind`);
      assert.ok(!families.has(name), `${name}: its lines stand together, under one head`);
      families.set(name, open = { name, kind, help: help!.text, samples: [] });
      continue;
    }
    const sample = samplePattern.exec(line);
    assert.ok(sample !== null && open !== null, `not a sample: '${line}'`);
    const [, name, labels, value] = sample as unknown as [string, string, string | undefined, string];
    const base = format === 'openmetrics' && open.kind === 'counter' ? `${open.name}_total` : open.name;
    assert.ok(suffixes[open.kind]!.some((suffix) => name === base + suffix), `${line}: under the head of ${open.name}`);
    assert.match(value, numberPattern, line);
    open.samples.push({ name, labels: readLabels(labels, line), value: value === '+Inf' ? Infinity : value === '-Inf' ? -Infinity : Number(value) });
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function readLabels(text: string | undefined, line: string): Map<string, string> {
  const labels = new Map<string, string>();
  if (text === undefined) return labels;
  labelPattern.lastIndex = 0;
  for (let at = 0; at < text.length; at = labelPattern.lastIndex) {
    const match = labelPattern.exec(text);
    assert.ok(match !== null, `${line}: labels are not well formed`);
    assert.ok(!labels.has(match[1]!), `${line}: the label ${match[1]} is there twice`);
    labels.set(match[1]!, match[2]!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)));
  }
  return labels;
}

const keyOf = (labels: ReadonlyMap<string, string>, without = ''): string => JSON.stringify([...labels].filter(([name]) => name !== without).sort());

/** No series twice; a histogram's buckets rise to +Inf, which is its count. */
function checkFamily({ name, kind, samples }: ReadFamily): void {
  assert.ok(samples.length > 0, `${name}: a head without lines`);
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = sample.name + keyOf(sample.labels);
    assert.ok(!seen.has(key), `${key} is there twice`);
    seen.add(key);
    if (kind === 'counter') assert.ok(sample.value >= 0, `${key}: a counter is not negative`);
  }
  if (kind === 'histogram') checkBuckets(name, samples);
}

function checkBuckets(name: string, samples: ReadFamily['samples']): void {
  const counts = new Map(samples.filter((one) => one.name === `${name}_count`).map((one) => [keyOf(one.labels), one.value]));
  const last = new Map<string, { le: number; count: number }>();
  for (const { name: line, labels, value } of samples) {
    if (line !== `${name}_bucket`) continue;
    const key = keyOf(labels, 'le');
    const le = labels.get('le') === '+Inf' ? Infinity : Number(labels.get('le'));
    const before = last.get(key) ?? { le: -Infinity, count: 0 };
    assert.ok(le > before.le && value >= before.count, `${name}: buckets rise`);
    last.set(key, { le, count: value });
  }
  assert.equal(last.size, counts.size, `${name}: as many counts as rows of buckets`);
  for (const [key, { le, count }] of last) assert.deepEqual([le, count], [Infinity, counts.get(key)], `${name}: the last bucket is +Inf and counts all`);
}

/** The value of the series with exactly these labels; fails the test when there is none. */
export function valueOf(families: ReadonlyMap<string, ReadFamily>, name: string, labels: Readonly<Record<string, string>> = {}, suffix = ''): number {
  const wanted = keyOf(new Map(Object.entries(labels)));
  const found = families.get(name)?.samples.find((one) => one.name === name + suffix && keyOf(one.labels) === wanted);
  assert.ok(found !== undefined, `there is a series ${name}${suffix} ${wanted}`);
  return found.value;
}

/** What promtool would complain about, one line each. */
export function lint(families: Iterable<{ readonly name: string; readonly kind: string; readonly help: string; readonly labels: readonly string[] }>): string[] {
  const faults: string[] = [];
  for (const { name, kind, help, labels } of families) {
    const fault = (what: string) => faults.push(`${name}: ${what}`);
    if (help.trim() === '') fault('no help text');
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) fault('a name is lower case, with underscores');
    if (kind === 'counter' !== name.endsWith('_total')) fault('counters, and they alone, end in _total');
    if (/_(count|sum|bucket)$/.test(name) && kind !== 'gauge') fault('ends like a part of a histogram');
    if (/_(milliseconds|ms|minutes|hours|kilobytes|kb|mb|megabytes|bits|percent)(_|$)/.test(name)) fault('not in a base unit');
    if (/(^|_)(counter|gauge|histogram|summary)(_|$)/.test(name)) fault('names its kind');
    if ((kind === 'histogram' || kind === 'summary') && !/_(seconds|bytes)$/.test(name)) fault('names no unit');
    for (const label of labels) if (label === 'le' || label === 'quantile' || label.startsWith('__') || name.includes(`_by_${label}`)) fault(`the label ${label} is not for this`);
  }
  return faults;
}
