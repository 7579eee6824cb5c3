// cli/version.ts - the version of this package, read from its package.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Version as published, such as '0.1.0'. */
export const version: string = (JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }).version;
