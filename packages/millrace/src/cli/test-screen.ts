// cli/test-screen.ts - for tests: what a person sees on a terminal after all that was written to it.
// Owns: the few sequences that our commands use; any other fails the test. Never: colours.
import assert from 'node:assert/strict';

/** The lines of the screen, without blanks at their ends, up to the last one that holds something. */
export function screenOf(written: string, size: { readonly columns: number; readonly rows: number }): string[] {
  let lines: string[] = [''];
  let row = 0;
  let column = 0;
  const clearBelow = (): void => { lines.length = row + 1; lines[row] = lines[row]!.slice(0, column); };
  for (const piece of written.match(/\x1b\[[?\d;]*[A-Za-z]|\r\n|[\s\S]/g) ?? []) {
    if (piece === '\r\n') { row++; column = 0; lines[row] ??= ''; continue; }
    if (!piece.startsWith('\x1b')) {
      assert.ok(piece !== '\n' && piece !== '\r', 'on the other screen lines end with both');
      const line = lines[row]!.padEnd(column);
      lines[row] = line.slice(0, column) + piece + line.slice(column + 1);
      column++;
      continue;
    }
    switch (piece) {
      case '\x1b[?1049h': case '\x1b[?1049l': lines = ['']; row = column = 0; break;
      case '\x1b[H': row = column = 0; break;
      case '\x1b[K': lines[row] = lines[row]!.slice(0, column); break;
      case '\x1b[J': clearBelow(); break;
      case '\x1b[?2026h': case '\x1b[?2026l': case '\x1b[?25h': case '\x1b[?25l': break;
      default: assert.match(piece, /^\x1b\[[\d;]*m$/, `an unknown sequence ${JSON.stringify(piece)}`);
    }
  }
  const seen = lines.map((line) => line.trimEnd());
  while (seen.at(-1) === '') seen.pop();
  assert.ok(seen.length <= size.rows, 'nothing scrolls');
  return seen;
}
