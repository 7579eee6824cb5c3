// test/peers/places.ts - where the peers live, and which versions they are.
// Owns: every pinned version of other people's brokers and clients, and the paths below the ignored `.millrace/peers` folder.
// Never: installing (install.ts) or starting (kafka.ts, millrace.ts) them. npm peers are pinned by the root package.json.

import { join, resolve } from 'node:path';

/** The repository's root folder. */
export const rootFolder = resolve(import.meta.dirname, '../..');

/** Everything the installer brings; ignored by git, safe to delete. */
export const peersFolder = join(rootFolder, '.millrace/peers');

/** The two generations of Java clients; their versions are pinned in `java-<generation>/pom.xml`. */
export type JavaGeneration = '4.3' | '3.9';

/** Pinned version of confluent-kafka for Python; it brings librdkafka of the same minor version. */
export const confluentVersion = '2.16.1';

/** The folder of jars of one generation. */
export const jarsFolder = (generation: JavaGeneration): string => join(peersFolder, `java-${generation}`, 'jars');

/** The folder of our own Java classes, compiled against one generation. */
export const classesFolder = (generation: JavaGeneration): string => join(peersFolder, `java-${generation}`, 'classes');

/** The class path for `java -cp`. */
export const classPath = (generation: JavaGeneration): string =>
  `${classesFolder(generation)}:${join(jarsFolder(generation), '*')}`;

/** A freshly formatted, empty KRaft data folder, copied for each broker: formatting costs a JVM start. */
export const formattedFolder = join(peersFolder, 'kafka-formatted');

/** The Python interpreter that has confluent-kafka. */
export const pythonPath = join(peersFolder, 'python/bin/python');

/** JVM flags shared by every Java process here: logging kept quiet, start kept short. */
export const jvmBaseFlags: readonly string[] = [
  `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
  '-Xshare:auto', '-XX:-UsePerfData', '-Djava.awt.headless=true',
];
