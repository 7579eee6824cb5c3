// bench/chart.ts - a bar chart as SVG: for those who would rather look than read.
// Owns: the drawing. Never: which figures (page.ts).

/** One bar: its value, and between which values the rounds lay. */
export interface Bar { readonly label: string; readonly value: number; readonly min: number; readonly max: number; readonly ours: boolean }
/** Bars that belong together. */
export interface BarGroup { readonly title: string; readonly bars: readonly Bar[] }

const width = 860;
const left = 210;
const right = 60;
const barHeight = 16;
const groupGap = 30;
const ours = '#1f6f54';
const theirs = '#9aa5b1';
const ink = '#1b2733';

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Horizontal bars from 0; a line marks `one`. Values past `most` are cut, and say so by their number. */
export function barChart(title: string, groups: readonly BarGroup[], one: number, most: number): string {
  const x = (value: number): number => left + (Math.min(value, most) / most) * (width - left - right);
  const lines: string[] = [];
  let y = 50;
  for (const group of groups) {
    lines.push(`<text x="10" y="${y}" font-weight="bold">${escape(group.title)}</text>`);
    y += 10;
    for (const { label, value, min, max, ours: mine } of group.bars) {
      lines.push(`<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escape(label)}</text>`);
      lines.push(`<rect x="${left}" y="${y}" width="${(x(value) - left).toFixed(1)}" height="${barHeight}" fill="${mine ? ours : theirs}"/>`);
      lines.push(`<path d="M${x(min).toFixed(1)} ${y + barHeight / 2}H${x(max).toFixed(1)}" stroke="${ink}" stroke-width="1.5"/>`);
      lines.push(`<text x="${(x(Math.max(value, max)) + 6).toFixed(1)}" y="${y + 12}">${value.toFixed(2)}</text>`);
      y += barHeight + 4;
    }
    y += groupGap;
  }
  const height = y - groupGap + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="10" y="22" font-size="15" font-weight="bold">${escape(title)}</text>`,
    `<path d="M${x(one)} 34V${height - 14}" stroke="${ink}" stroke-dasharray="3 3"/>`,
    ...lines, '</svg>', '',
  ].join('\n');
}
