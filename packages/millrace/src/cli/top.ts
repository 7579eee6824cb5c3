// cli/top.ts - `millrace top`: what goes through a node or cluster now, live in a terminal, or once for scripts.
// Owns: its flags, the loop of looking and showing, the keys. Never: where figures come from (top/source.ts), how they are laid out (top/layout.ts).
// T1 On a terminal it takes the other screen and gives it back however it ends. T2 What cannot be reached for a while is said above, with the last figures below;
// only the first look fails the command. T3 Without a terminal it looks twice, says what happened between, and ends.
import type { Command } from 'commander';
import { isMillraceError } from '../base/mod.ts';
import { newCommand } from './command.ts';
import { addClientFlags, type ClientFlags, withClient } from './connection.ts';
import { resolveSettings } from './settings.ts';
import type { Shell } from './shell.ts';
import type { FigureSource } from './top/figures.ts';
import { type Key, keysIn, keysText } from './top/keys.ts';
import { type Layout, layOut, topicOrders } from './top/layout.ts';
import { Rates, type View } from './top/rates.ts';
import { findSource } from './top/source.ts';
import { Wait } from './top/wait.ts';
import { parseChoice, parsePositive, parseWhole, usageError } from './values.ts';

interface TopFlags extends ClientFlags { readonly once?: boolean; readonly every: string; readonly count?: string; readonly sort: string; readonly metricsUrl?: string }

/** What was asked for. */
interface Wanted { readonly everySeconds: number; readonly count: number; readonly order: Layout['order']; readonly json: boolean }

/** Defines the command. */
export function topCommand(shell: Shell): Command {
  return addClientFlags(newCommand(shell, 'top', 'Shows live what goes through a node: rates of topics, lag of groups, times of requests and of the journal. A node of this machine tells all of it; of any other, and of Apache Kafka, it shows what the protocol gives: records by end offsets, and lag.', [
    { says: 'the node of this machine', line: 'millrace top' },
    { says: 'one of another machine that serves its metrics', line: 'millrace top --server bus.example.com:9092 --metrics-url http://bus.example.com:9464' },
    { says: 'for a script: which groups are more than a minute behind?', line: "millrace top --json | jq '.groups[] | select(.lagSeconds > 60) | .group'" },
  ]))
    .option('--every <seconds>', 'time between two looks', '1')
    .option('--sort <order>', `order of topics: ${topicOrders.join(', ')}`, 'records')
    .option('--once', 'look twice, print what happened between, and end; so it is without a terminal')
    .option('--count <number>', 'the same so many times')
    .option('--metrics-url <url>', 'where the node serves its metrics, when it is not of this machine')
    .action(async (flags: TopFlags) => {
      if (flags.once === true && flags.count !== undefined) throw usageError('Cannot use --once and --count together: give one of them');
      const count = flags.count !== undefined ? parseWhole('--count', flags.count, 1) : flags.once === true || flags.json === true || !shell.out.interactive ? 1 : Infinity;
      const wanted: Wanted = { everySeconds: parsePositive('--every', flags.every), count, order: parseChoice('--sort', flags.sort, topicOrders), json: flags.json === true };
      const { values } = await resolveSettings(shell, { ...flags, server: flags.server ?? flags.bootstrapServer }, ['server', 'timeoutMs']);
      await withClient(shell, flags, async (client) => {
        const source = await findSource(client.admin(), { server: values.server, metricsUrl: flags.metricsUrl, timeoutMs: values.timeoutMs, nowMs: () => performance.now() });
        await (count === Infinity ? watch(shell, source, wanted) : print(shell, source, wanted));
      });
    });
}

/** T3. */
async function print(shell: Shell, source: FigureSource, { everySeconds, count, order, json }: Wanted): Promise<void> {
  const rates = new Rates();
  const wait = new Wait(shell.stop);
  rates.add(await source.look());
  for (let shown = 0; shown < count; shown++) {
    await wait.forMs(everySeconds * 1000);
    if (shell.stop.aborted) return;
    const view = rates.add(await source.look())!;
    const time = new Date().toISOString();
    if (json) { shell.out.line(JSON.stringify({ time, source: source.name, ...withoutHistory(view) })); continue; }
    const head = { source: source.name, time, everySeconds, note: null, keys: '' };
    const layout: Layout = { order, reversed: false, scrolled: 0, rows: Infinity, sparklines: false };
    for (const line of layOut(view, head, layout, shell.out).lines) shell.out.line(line.trimEnd());
  }
}

function withoutHistory({ node, total, topics, groups, ...rest }: View): object {
  const bare = <T extends { readonly history: readonly number[] }>({ history: _history, ...row }: T) => row;
  return { ...rest, total: bare(total), topics: topics.map(bare), groups: groups.map(bare), node: node === null ? null : nodeJson(node) };
}

/** Buckets are for computing with; programs that want them read the metrics. */
function nodeJson({ figures, ...rates }: NonNullable<View['node']>): object {
  const { requests: _requests, journalSync: _journalSync, loopDelay: _loopDelay, ...plain } = figures;
  return { ...plain, ...rates };
}

async function watch(shell: Shell, source: FigureSource, wanted: Wanted): Promise<void> {
  const screen = new Screen(shell, source, wanted);
  screen.look(await source.look()); // fails the command before anything is shown
  shell.out.openScreen();
  const forgetResize = shell.out.onResize(() => screen.show());
  const keys = shell.stdinIsTerminal && shell.setRaw !== undefined;
  if (keys) shell.setRaw!(true);
  try {
    if (keys) screen.readKeys().catch(() => {}); // the terminal has gone: a signal follows
    await screen.run();
  } finally {
    if (keys) shell.setRaw!(false);
    forgetResize();
    shell.out.closeScreen();
  }
}

/** The live screen: its state, and what keys do to it. */
class Screen {
  readonly #shell: Shell;
  readonly #source: FigureSource;
  readonly #everySeconds: number;
  readonly #rates = new Rates();
  readonly #wait: Wait;
  #view: View | null = null;
  #order: Layout['order'];
  #reversed = false;
  #scrolled = 0;
  #scrollMax = 0;
  #paused = false;
  #note: string | null = null;
  #quit = false;

  constructor(shell: Shell, source: FigureSource, { everySeconds, order }: Wanted) {
    this.#shell = shell;
    this.#source = source;
    this.#everySeconds = everySeconds;
    this.#order = order;
    this.#wait = new Wait(shell.stop);
  }

  /** Takes a look that was made. */
  look(figures: Awaited<ReturnType<FigureSource['look']>>): void {
    this.#view = this.#rates.add(figures) ?? this.#view;
  }

  async run(): Promise<void> {
    while (!this.#quit && !this.#shell.stop.aborted) {
      this.show();
      await this.#wait.forMs(this.#everySeconds * 1000);
      if (this.#quit || this.#shell.stop.aborted || this.#paused) continue;
      try {
        this.look(await this.#source.look());
        this.#note = null;
      } catch (error) {
        if (!isMillraceError(error)) throw error;
        this.#note = `${error.message}; trying again`; // T2
      }
    }
  }

  async readKeys(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#shell.stdin) {
      for (const key of keysIn(decoder.decode(bytes, { stream: true }))) this.#press(key);
      if (this.#quit) return;
    }
  }

  show(): void {
    const { out } = this.#shell;
    const head = { source: this.#source.name, time: new Date().toISOString(), everySeconds: this.#everySeconds, note: this.#note, keys: `${keysText}   order: ${this.#order}${this.#reversed ? ', smallest first' : ''}${this.#paused ? '   PAUSED' : ''}` };
    const { lines, scrollMax } = layOut(this.#view, head, { order: this.#order, reversed: this.#reversed, scrolled: this.#scrolled, rows: out.rows, sparklines: true }, out);
    this.#scrollMax = scrollMax;
    out.frame(lines);
  }

  #press(key: Key): void {
    const page = Math.max(1, Math.floor(this.#shell.out.rows / 2));
    switch (key) {
      case 'quit': this.#quit = true; return this.#wait.end();
      case 'next-order': this.#order = topicOrders[(topicOrders.indexOf(this.#order) + 1) % topicOrders.length]!; break;
      case 'reverse': this.#reversed = !this.#reversed; break;
      case 'pause': this.#paused = !this.#paused; break;
      case 'up': this.#scroll(-1); break;
      case 'down': this.#scroll(1); break;
      case 'page-up': this.#scroll(-page); break;
      case 'page-down': this.#scroll(page); break;
      case 'top': this.#scrolled = 0; break;
    }
    this.show();
  }

  #scroll(lines: number): void {
    this.#scrolled = Math.max(0, Math.min(this.#scrollMax, this.#scrolled + lines));
  }
}
