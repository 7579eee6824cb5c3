// tools/pack.ts - builds the published package: compiled JavaScript and declarations, packed as npm would publish it.
// Usage: node tools/pack.ts    prints the path of the tarball in .millrace/pack/
// Owns: what is published: modules for who imports them, and the command line bundled, as it starts three times faster so. K1 The tarball needs nothing of the repository. K2 Its package.json differs from the source's only where it names built files.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { repository } from './source.ts';

const packFolder = join(repository, '.millrace/pack');
const packageFolder = join(packFolder, 'package');

/** Builds and packs; returns the tarball's path. Throws with what the compiler said when it refuses. */
export async function packPackage(): Promise<string> {
  rmSync(packFolder, { recursive: true, force: true });
  mkdirSync(packageFolder, { recursive: true });
  compile();
  pointWorkersAtScripts(join(packageFolder, 'dist'));
  await bundleCommandLine(join(packageFolder, 'dist'));
  writeFileSync(join(packageFolder, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md']) copyFileSync(join(repository, name), join(packageFolder, name));
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', packFolder], { cwd: packageFolder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return join(packFolder, tarballName(JSON.parse(packed)));
}

function compile(): void {
  try {
    execFileSync(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', join(repository, 'packages/millrace/tsconfig.build.json')], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`Cannot pack: the package does not compile\n${(error as { stdout?: string }).stdout ?? ''}`, { cause: error });
  }
}

/** Threads are started from `new URL('./x.ts', import.meta.url)`, which the compiler leaves alone: their names follow the compiled files. */
function pointWorkersAtScripts(dist: string): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    const path = join(dist, name);
    const text = readFileSync(path, 'utf8');
    const changed = text.replaceAll(/(new URL\(['"]\.{1,2}\/[^'"]+)\.ts(['"],\s*import\.meta\.url\))/g, '$1.js$2');
    if (changed !== text) writeFileSync(path, changed);
  }
}

/** Puts the bundle of `cli/main.js` in the place of that folder's modules, which nobody else imports. Threads and child processes begin with modules. */
async function bundleCommandLine(dist: string): Promise<void> {
  const place = join(dist, 'cli');
  const { files } = await bundle({ entry: join(place, 'main.js'), sources: dist, place });
  for (const name of readdirSync(place, { recursive: true, encoding: 'utf8' })) if (name.endsWith('.js')) rmSync(join(place, name));
  for (const { name, contents } of files) writeFileSync(join(place, name), contents, { mode: name === 'main.js' ? 0o755 : 0o644 });
}

/** The source's package.json with every 'src/x.ts' replaced by its built script and declaration. */
function publishedManifest(): Record<string, unknown> {
  const manifest = JSON.parse(readFileSync(join(repository, 'packages/millrace/package.json'), 'utf8')) as { exports: Record<string, string>; bin?: Record<string, string> };
  const built = (source: string, ending: string) => source.replace(/^(\.\/)?src\//, './dist/').replace(/\.ts$/, ending);
  return {
    ...manifest,
    exports: Object.fromEntries(Object.entries(manifest.exports).map(([name, source]) => [name, { types: built(source, '.d.ts'), default: built(source, '.js') }])),
    bin: Object.fromEntries(Object.entries(manifest.bin ?? {}).map(([name, source]) => [name, built(source, '.js')])),
    files: ['dist', 'CHANGELOG.md'],
  };
}

/** npm prints a list of packages or, from version 12, an object of them. */
function tarballName(printed: unknown): string {
  const first = Object.values(printed as Record<string, unknown>)[0] as { filename: string };
  return first.filename;
}

if (import.meta.main) console.log(await packPackage());
