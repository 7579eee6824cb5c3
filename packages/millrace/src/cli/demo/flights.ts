// cli/demo/flights.ts - the demo's real events: three million flights of 2001 from the npm package `vega-datasets`.
// Owns: finding and decoding the Parquet file, one row group at a time. Never: what becomes of the flights.
// F1 At most one decoded row group (272,727 flights, tens of megabytes) is held. Cost: 0.8 s per million flights.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { usageError } from '../values.ts';

/** Some flights, by column; flight i is the i-th element of each. */
export interface FlightBlock {
  readonly count: number;
  /** Departure by the schedule, in ms since 1970 (the data has local times; they are taken as UTC). */
  readonly dateMs: readonly number[];
  /** Minutes late at arrival; negative when early. */
  readonly delayMinutes: readonly number[];
  readonly distanceMiles: readonly number[];
  /** IATA codes of the airports. */
  readonly origin: readonly string[];
  readonly destination: readonly string[];
}

/** The data set, open for reading. */
export interface Flights {
  readonly count: number;
  /** The blocks in the order of the file, which is by date. */
  blocks(): AsyncGenerator<FlightBlock>;
}

const columnNames = ['date', 'delay', 'distance', 'origin', 'destination'] as const;

/** Opens the data set. Throws a usage error when its packages are not installed (they are development dependencies of the repository). */
export async function openFlights(): Promise<Flights> {
  const path = join(createRequire(import.meta.url).resolve('vega-datasets'), '../../data/flights-3m.parquet');
  const { asyncBufferFromFile, parquetMetadataAsync, parquetRead } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  async function* blocks(): AsyncGenerator<FlightBlock> {
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const columns = new Map<string, unknown[]>(columnNames.map((name) => [name, []]));
      await parquetRead({
        file, metadata, compressors, rowStart, rowEnd, columns: [...columnNames],
        parsers: { timestampFromMicroseconds: (micros: bigint) => Number(micros / 1000n) },
        onChunk: ({ columnName, columnData }) => { columns.set(columnName, columns.get(columnName)!.concat(Array.from(columnData))); },
      });
      yield blockOf(columns, rowEnd - rowStart);
      rowStart = rowEnd;
    }
  }
  return { count: Number(metadata.num_rows), blocks };
}

/** True when the packages of the demo are installed. */
export function assertFlightsInstalled(): void {
  try {
    for (const name of ['vega-datasets', 'hyparquet', 'hyparquet-compressors']) createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw usageError('Cannot run the demo: its data set is not installed. In a checkout run ./millrace demo; elsewhere: npm install vega-datasets hyparquet hyparquet-compressors', { cause: error });
  }
}

function blockOf(columns: ReadonlyMap<string, readonly unknown[]>, count: number): FlightBlock {
  const numbers = (name: string) => columns.get(name)!.map(Number);
  return {
    count, dateMs: numbers('date'), delayMinutes: numbers('delay'), distanceMiles: numbers('distance'),
    origin: columns.get('origin') as string[], destination: columns.get('destination') as string[],
  };
}
