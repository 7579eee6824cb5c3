// node/metrics/exposition.ts - metrics as text, in Prometheus's format 0.0.4 and in OpenMetrics 1.0.0.
// Owns: the form: heads, escaping, numbers. Never: which metrics there are (families.ts), when they are told (scrape.ts).
// E1 All lines of a metric stand together, under one head, which is left out where no line follows.
// Own code and no library: those hold a map of label sets per metric, and make the whole text at once (docs/decisions/metrics.md).
import type { Histogram } from '../../base/mod.ts';
import type { Family } from './families.ts';

/** Which form of the text. */
export type TextFormat = 'prometheus' | 'openmetrics';

/** Text under way. */
export class Exposition {
  readonly format: TextFormat;
  #text = '';
  #lines = 0;
  #family: Family | null = null;
  #headed = false;

  constructor(format: TextFormat) {
    this.format = format;
  }

  /** Lines since the last take(). */
  get lines(): number { return this.#lines; }

  /** What was written since the last time. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    this.#lines = 0;
    return text;
  }

  /** The lines that follow are of this metric (E1). */
  family(family: Family): void {
    this.#family = family;
    this.#headed = false;
  }

  /** One value; `labels` as labelText() makes them, null for a value that is not known. */
  value(value: number | null, labels = ''): void {
    if (value !== null) this.#line('', labels, value);
  }

  /** A histogram; `perUnit` of what it observed are one base unit (1000 for ms as seconds). */
  histogram(histogram: Histogram, perUnit: number, labels = ''): void {
    const { bounds, counts } = histogram;
    const before = labels === '' ? '' : `${labels},`;
    let count = 0;
    for (let place = 0; place < bounds.length; place++) {
      count += counts[place]!;
      this.#line('_bucket', `${before}le="${this.#bound(bounds[place]! / perUnit)}"`, count);
    }
    count += counts[bounds.length]!;
    this.#line('_bucket', `${before}le="+Inf"`, count);
    this.sums(histogram.sum / perUnit, count, labels);
  }

  /** A sum and how many there were. */
  sums(sum: number, count: number, labels = ''): void {
    this.#line('_sum', labels, sum);
    this.#line('_count', labels, count);
  }

  /** The last line of a text. */
  end(): void {
    if (this.format === 'openmetrics') this.#text += '# EOF\n';
  }

  #line(suffix: string, labels: string, value: number): void {
    if (!this.#headed) this.#head();
    const name = this.#family!.name;
    this.#text += labels === '' ? `${name}${suffix} ${numberText(value)}\n` : `${name}${suffix}{${labels}} ${numberText(value)}\n`;
    this.#lines++;
  }

  #head(): void {
    const { name, kind, help } = this.#family!;
    // OpenMetrics calls a counter by its name without the ending that its lines have.
    const called = this.format === 'openmetrics' && kind === 'counter' ? name.slice(0, -'_total'.length) : name;
    this.#text += `# HELP ${called} ${this.#help(help)}\n# TYPE ${called} ${kind}\n`;
    this.#headed = true;
  }

  #help(help: string): string {
    const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return this.format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
  }

  /** OpenMetrics writes bounds as floats. */
  #bound(bound: number): string {
    return this.format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound);
  }
}

/** 'topic="a",partition="0"' from names and values. */
export function labelText(...pairs: readonly (readonly [name: string, value: string | number])[]): string {
  return pairs.map(([name, value]) => `${name}="${typeof value === 'number' ? value : escaped(value)}"`).join(',');
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
