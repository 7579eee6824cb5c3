// node/version.ts - the version of this package, for what a node tells of itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

let known: string | undefined;

/** Version as published, such as '0.1.0'. */
export function packageVersion(): string {
  return known ??= (JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }).version;
}
