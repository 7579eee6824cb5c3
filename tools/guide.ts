// tools/guide.ts - the pages of the guide and their code blocks.
// Owns: finding the blocks and what their fence says about running them. Never: running (docs/guide.test.ts).
// G1 A block is fenced ```LANGUAGE WORDS; `run` runs it, `run background` leaves it running for the rest of the page,
// and a ```text output block after it is what it must print.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './source.ts';

/** One fenced block. */
export interface Block {
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
}

/** Pages that users read, as paths from the repository. */
export function guidePages(): string[] {
  const folder = join(repository, 'docs/guide');
  const pages = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/guide/${name}`) : [];
  return ['README.md', ...pages];
}

/** All fenced blocks of a page. Throws when a fence is not closed. */
export function blocksOf(page: string, text = readFileSync(join(repository, page), 'utf8')): Block[] {
  const found: Block[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\S*)\s*(.*)$/.exec(lines[at]!);
    if (fence === null) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`${page}:${at + 1}: the block is not closed`);
    found.push({ page, line: at + 1, language: fence[1]!, words: fence[2]!.split(/\s+/).filter((word) => word !== ''), text: lines.slice(at + 1, end).join('\n') });
    at = end;
  }
  return found;
}
