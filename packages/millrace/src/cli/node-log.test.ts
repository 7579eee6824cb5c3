// The log of a node: one line an event, for people or for programs, and no flood of the same line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeLog, type NodeLogOptions } from './node-log.ts';
import { repeatBounds } from './repeats.ts';
import { Terminal } from './terminal.ts';

function scene(options: Partial<NodeLogOptions> = {}) {
  let nowMs = Date.UTC(2026, 10, 28, 12);
  const written: string[] = [];
  const log = new NodeLog(new Terminal({ write: (text: string) => { written.push(text); } }), { format: 'json', nowMs: () => nowMs, ...options });
  return { log, written, json: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), pass: (ms: number) => { nowMs += ms; } };
}

test('JSON: time, level, component, message, then the facts', () => {
  const { log, written } = scene();
  log.say('warn', 'connection 1.2.3.4:5 closed: why', { component: 'connection', event: 'connection-closed', client: '1.2.3.4:5' });
  assert.equal(written[0], '{"time":"2026-11-28T12:00:00.000Z","level":"warn","component":"connection","message":"connection 1.2.3.4:5 closed: why","event":"connection-closed","client":"1.2.3.4:5"}\n');
  log.say('info', 'ready');
  assert.match(written[1]!, /"component":"node"/);
});

test('text: a line for people; names that clients chose cannot look like lines of their own', () => {
  const { log, written } = scene({ format: 'text' });
  log.say('error', 'topic \x1b[31mred\r\n2026-11-28T12:00:00.000Z info forged', { component: 'broker' });
  assert.equal(written[0], '2026-11-28T12:00:00.000Z error broker      topic ?[31mred?\n    2026-11-28T12:00:00.000Z info forged\n');
});

test('a level leaves out what matters less', () => {
  const { log, json } = scene({ level: 'warn' });
  for (const level of ['info', 'warn', 'error'] as const) log.say(level, level);
  assert.deepEqual(json().map((one) => one['message']), ['warn', 'error']);
});

test('a line that comes a thousand times is told ten times, then counted; another line is told as ever', () => {
  const { log, json, pass } = scene();
  for (let port = 0; port < 1_000; port++) log.say('warn', `connection 10.0.0.1:${port} closed: a request of 3 bytes has no header`, { component: 'connection' });
  log.say('warn', 'the log is full', { component: 'broker' });
  assert.equal(json().length, repeatBounds.linesMax + 1);
  pass(repeatBounds.windowMs);
  log.say('warn', 'connection 10.0.0.1:7 closed: a request of 3 bytes has no header', { component: 'connection' });
  const [told, again] = json().slice(-2);
  assert.deepEqual([told!['message'], told!['count'], told!['component']], ['990 more like this: connection 10.0.0.1:999 closed: a request of 3 bytes has no header', 990, 'connection']);
  assert.match(String(again!['message']), /^connection 10.0.0.1:7 closed/);
});

test('what was held back is told by the end at the latest, and kinds of lines have a bound', () => {
  const { log, json } = scene();
  for (let count = 0; count < repeatBounds.linesMax + 5; count++) log.say('info', 'same');
  for (let kind = 0; kind < repeatBounds.shapesMax; kind++) log.say('info', `kind ${'x'.repeat(kind)}`);
  assert.equal(json().filter((one) => one['event'] === 'repeated').length, 1, 'the oldest kind gave way and said what it held');
  for (let count = 0; count < repeatBounds.linesMax + 2; count++) log.say('info', 'other');
  log.close();
  assert.deepEqual(json().at(-1), { time: '2026-11-28T12:00:00.000Z', level: 'info', component: 'node', message: '2 more like this: other', event: 'repeated', count: 2 });
});
