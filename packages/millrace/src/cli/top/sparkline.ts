// cli/top/sparkline.ts - a row of numbers as a row of little bars.

const bars = '▁▂▃▄▅▆▇█';

/** The last `width` values, each as a bar against the largest of them; as many blanks before as there are too few. @example sparkline([0, 5, 10], 4) === ' ▁▅█' */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(0, ...shown);
  return shown.map((value) => bars[most === 0 ? 0 : Math.min(bars.length - 1, Math.round((Math.max(0, value) / most) * (bars.length - 1)))]).join('').padStart(width);
}
