// cli/table.ts - rows of text in columns, and numbers as people read them.

/** A column: its title, and whether its cells stand at the right edge (numbers). */
export interface Column { readonly title: string; readonly right?: boolean }

/** Lines of a table with a head, columns two blanks apart. Cells longer than `cellMax` are cut with '…'. */
export function table(columns: readonly (Column | string)[], rows: readonly (readonly (string | number)[])[], cellMax = 60): string[] {
  const heads = columns.map((column) => (typeof column === 'string' ? { title: column } : column));
  const cells = [heads.map((head) => head.title), ...rows.map((row) => row.map((cell) => short(typeof cell === 'number' ? grouped(cell) : cell, cellMax)))];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) => row.map((cell, i) => (heads[i]!.right === true ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ').trimEnd());
}

/** 3000000 as '3,000,000'. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Bytes with a unit: '1.5 MiB'. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** Milliseconds as '850 ms', '12.3 s' or '2 min 5 s'. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
}

function short(text: string, max: number): string {
  const line = text.replace(/[\x00-\x1f\x7f]/g, ' ');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
