// cli/demo/airports.ts - the question that the demo asks of the events: from which airports does one leave worst?
// Owns: the sums per airport and their ranking.
import { grouped, table } from '../table.ts';

/** What is known of one airport. */
export interface Airport { readonly code: string; flights: number; delayMinutes: number; late: number }

/** Flights later than this are called late, as the statistics of air travel do. */
const lateMinutes = 15;
/** Airports with fewer flights say little. */
const flightsMin = 1000;

/** Sums per airport of departure, kept as events arrive. */
export class Airports {
  readonly #airports = new Map<string, Airport>();
  #flights = 0;
  #delayMinutes = 0;

  /** Adds one flight. */
  add(code: string, delayMinutes: number): void {
    let airport = this.#airports.get(code);
    if (airport === undefined) this.#airports.set(code, (airport = { code, flights: 0, delayMinutes: 0, late: 0 }));
    airport.flights++;
    airport.delayMinutes += delayMinutes;
    if (delayMinutes >= lateMinutes) airport.late++;
    this.#flights++;
    this.#delayMinutes += delayMinutes;
  }

  /** Flights added. */
  get flights(): number {
    return this.#flights;
  }

  /** Mean delay over all flights, in minutes. */
  get meanDelayMinutes(): number {
    return this.#flights === 0 ? 0 : this.#delayMinutes / this.#flights;
  }

  /** The airports with the largest mean delay, among those with enough flights. */
  worst(count: number): Airport[] {
    return [...this.#airports.values()].filter((airport) => airport.flights >= flightsMin).sort((a, b) => mean(b) - mean(a)).slice(0, count);
  }

  /** The ranking as a table. */
  worstTable(count: number): string[] {
    const rows = this.worst(count).map((airport, i) => [
      `${i + 1}`, airport.code, grouped(airport.flights), `${mean(airport).toFixed(1)} min`, `${((100 * airport.late) / airport.flights).toFixed(0)} %`,
    ]);
    return table([{ title: '#', right: true }, 'airport', { title: 'flights', right: true }, { title: 'mean delay', right: true }, { title: `${lateMinutes} min late`, right: true }], rows);
  }
}

/** Mean delay in minutes. */
export const mean = (airport: Airport): number => airport.delayMinutes / airport.flights;
