// test/conformance/matrix.ts - runs cases for clients on brokers, compares, and prints what came out.
// Owns: which targets and clients run, the comparison of facts, the table. Never: what a case checks.
// Chosen by environment: CONFORMANCE_TARGETS=kafka,millrace  CONFORMANCE_CLIENTS=java-4.3,kcat  CONFORMANCE_CASES=<part of a name>
// M1 a case without the needed ability is shown as such with the client's reason, never left out. M2 a fact that differs between targets fails, unless listed.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peersFolder } from '../peers/places.ts';
import type { Broker, BrokerKind } from '../peers/broker.ts';
import { clientNames, type ClientName, type Driver } from './driver.ts';
import { differences, type Difference } from './differences.ts';
import { Scene, type Case } from './scene.ts';

/** What came out of one case for one client on one target. */
export type Outcome = { kind: 'pass' } | { kind: 'fail'; reason: string } | { kind: 'lacks'; reason: string } | { kind: 'skipped'; reason: string };

const fromEnvironment = <T extends string>(name: string, all: readonly T[]): readonly T[] => {
  const asked = process.env[name];
  if (asked === undefined || asked === '') return all;
  const chosen = asked.split(',').map((one) => one.trim());
  for (const one of chosen) assert.ok((all as readonly string[]).includes(one), `${name} may name ${all.join(', ')}; not '${one}'`);
  return all.filter((one) => chosen.includes(one));
};

/** The brokers of this run. */
export const targets: readonly BrokerKind[] = fromEnvironment('CONFORMANCE_TARGETS', ['kafka', 'millrace']);

/** The clients of this run. */
export const clients: readonly ClientName[] = fromEnvironment('CONFORMANCE_CLIENTS', clientNames);

/** True when this run has the case. */
export const isChosen = (name: string): boolean => name.includes(process.env['CONFORMANCE_CASES'] ?? '');

/** Collects outcomes and facts of a run, and judges each case over its targets. */
export class Matrix {
  readonly #title: string;
  readonly #rows = new Map<string, Map<BrokerKind, Outcome>>();

  constructor(title: string) { this.#title = title; }

  /** Notes an outcome that no case ran for. */
  note(client: string, name: string, target: BrokerKind, outcome: Outcome): void {
    const key = `${client}\t${name}`;
    if (!this.#rows.has(key)) this.#rows.set(key, new Map());
    this.#rows.get(key)!.set(target, outcome);
  }

  /** Runs one case for one client on each target in turn. Throws when it fails on any, or when the facts differ. */
  async runCase(one: Case, stages: readonly { target: BrokerKind; driver: Driver; reference: Driver; broker: Broker }[]): Promise<void> {
    const facts = new Map<BrokerKind, Record<string, unknown>>();
    const failures: string[] = [];
    for (const { target, driver, reference, broker } of stages) {
      const lacking = one.needs.find((ability) => driver.lacks[ability] !== undefined);
      if (lacking !== undefined) {
        this.note(driver.name, one.name, target, { kind: 'lacks', reason: driver.lacks[lacking]! });
        continue;
      }
      const scene = new Scene(driver, reference, broker);
      try {
        await one.run(scene);
        this.note(driver.name, one.name, target, { kind: 'pass' });
      } catch (error) {
        this.note(driver.name, one.name, target, { kind: 'fail', reason: firstLine(error) });
        failures.push(`on ${target}: ${error instanceof Error ? error.stack : String(error)}`);
      } finally {
        await scene.close();
      }
      facts.set(target, scene.facts);
    }
    if (failures.length === 0) failures.push(...this.judge(stages[0]!.driver.name, one.name, facts));
    if (failures.length > 0) assert.fail(failures.join('\n'));
  }

  /** Compares the facts of the targets; what differs without being listed, and what is listed without differing, is returned as failures. */
  judge(client: string, name: string, facts: ReadonlyMap<BrokerKind, Record<string, unknown>>): string[] {
    const kafka = facts.get('kafka');
    const millrace = facts.get('millrace');
    if (kafka === undefined || millrace === undefined) return [];
    const failures: string[] = [];
    for (const fact of new Set([...Object.keys(kafka), ...Object.keys(millrace)])) {
      let expected = JSON.stringify(kafka[fact]) ?? 'nothing';
      for (const one of differences.filter((each) => isMeant(each, client, name, fact))) {
        if (!expected.includes(one.kafka)) failures.push(`'${fact}' no longer differs by '${one.kafka}': remove it from differences.ts`);
        expected = expected.replaceAll(one.kafka, one.millrace);
      }
      if (expected !== (JSON.stringify(millrace[fact]) ?? 'nothing')) failures.push(`'${fact}' differs: ${describeDifference(kafka[fact], millrace[fact])}`);
    }
    if (failures.length > 0) this.note(client, name, 'millrace', { kind: 'fail', reason: failures[0]! });
    return failures;
  }

  /** The table as text, failures first explained below it. Also written as JSON beside the peers. */
  print(): string {
    const rows = [...this.#rows].map(([key, outcomes]) => ({ client: key.split('\t')[0]!, name: key.split('\t')[1]!, outcomes }));
    mkdirSync(peersFolder, { recursive: true });
    writeFileSync(join(peersFolder, `conformance-${this.#title}.json`), JSON.stringify(rows.map(({ client, name, outcomes }) => ({ client, case: name, ...Object.fromEntries(outcomes) })), undefined, 1));
    const names = [...new Set(rows.map(({ name }) => name))];
    const columns = [...new Set(rows.map(({ client }) => client))];
    const cell = (name: string, client: string): string => {
      const outcomes = rows.find((row) => row.name === name && row.client === client)?.outcomes;
      return targets.map((target) => marks[outcomes?.get(target)?.kind ?? 'skipped']).join(' ');
    };
    const width = Math.max(...names.map((name) => name.length), 10);
    const lines = [
      `Conformance, ${this.#title}: each cell shows ${targets.join(' and ')}; ok, FAIL, - the client cannot, . not run`,
      ' '.repeat(width) + columns.map((column) => column.padStart(14)).join(''),
      ...names.map((name) => name.padEnd(width) + columns.map((column) => cell(name, column).padStart(14)).join('')),
    ];
    for (const { client, name, outcomes } of rows) {
      for (const [target, outcome] of outcomes) if (outcome.kind === 'fail' || outcome.kind === 'skipped') lines.push(`${outcome.kind}: ${client}, ${name}, on ${target}: ${outcome.reason}`);
    }
    return lines.join('\n') + '\n';
  }
}

// Of transcripts only the lines that the other has not.
function describeDifference(kafka: unknown, millrace: unknown): string {
  if (!Array.isArray(kafka) || !Array.isArray(millrace)) return `Apache Kafka ${JSON.stringify(kafka)}, Millrace ${JSON.stringify(millrace)}`;
  const only = (mine: unknown[], other: unknown[]): unknown[] => {
    const left = other.map((line) => JSON.stringify(line));
    return mine.filter((line) => {
      const at = left.indexOf(JSON.stringify(line));
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  };
  return `only Apache Kafka ${JSON.stringify(only(kafka, millrace), undefined, 1)}, only Millrace ${JSON.stringify(only(millrace, kafka), undefined, 1)}`;
}

const marks: Record<Outcome['kind'], string> = { pass: 'ok', fail: 'FAIL', lacks: '-', skipped: '.' };

const isMeant = (one: Difference, client: string, name: string, fact: string): boolean =>
  one.case === name && one.fact === fact && (one.clients === undefined || one.clients.includes(client));

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 400);
