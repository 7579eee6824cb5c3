// cli/copied.ts - what `backup` and `restore` say when they are done.
import type { CopySummary } from '../log/mod.ts';
import type { Shell } from './shell.ts';
import { bytesText, grouped } from './table.ts';

/** One line for people, or JSON. */
export function sayCopied(shell: Shell, json: boolean, what: string, summary: CopySummary): void {
  if (json) return shell.out.line(JSON.stringify(summary));
  const { partitions, files, bytes, bytesCopied } = summary;
  shell.out.line(`${what}: ${grouped(partitions)} partition${partitions === 1 ? '' : 's'}, ${grouped(files)} file${files === 1 ? '' : 's'}, ${bytesText(bytes)}, of which ${bytesText(bytesCopied)} copied now.`);
}
