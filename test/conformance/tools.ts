// test/conformance/tools.ts - Apache Kafka's command line tools: where they are in each generation, and how their output is compared.
// Owns: main classes, running one, making transcripts comparable. Never: what they should print (tools.test.ts).

import assert from 'node:assert/strict';
import type { JavaGeneration } from '../peers/places.ts';
import type { Broker } from '../peers/broker.ts';
import type { ToolRun, Worker } from '../peers/worker.ts';

const inTools = (name: string): Record<JavaGeneration, string> => ({ '4.3': `org.apache.kafka.tools.${name}`, '3.9': `org.apache.kafka.tools.${name}` });

/** Main classes of the tools, by the names of their scripts. */
export const mains = {
  'kafka-topics': inTools('TopicCommand'),
  'kafka-acls': { '4.3': 'org.apache.kafka.tools.AclCommand', '3.9': 'kafka.admin.AclCommand' },
  'kafka-console-producer': { '4.3': 'org.apache.kafka.tools.ConsoleProducer', '3.9': 'kafka.tools.ConsoleProducer' },
  'kafka-console-consumer': inTools('consumer.ConsoleConsumer'),
  'kafka-consumer-groups': inTools('consumer.group.ConsumerGroupCommand'),
  'kafka-configs': { '4.3': 'kafka.admin.ConfigCommand', '3.9': 'kafka.admin.ConfigCommand' },
  'kafka-get-offsets': inTools('GetOffsetShell'),
  'kafka-producer-perf-test': inTools('ProducerPerformance'),
  'kafka-consumer-perf-test': inTools('ConsumerPerformance'),
  'kafka-e2e-latency': { '4.3': 'org.apache.kafka.tools.EndToEndLatency', '3.9': 'kafka.tools.EndToEndLatency' },
  'kafka-verifiable-producer': inTools('VerifiableProducer'),
  'kafka-verifiable-consumer': inTools('VerifiableConsumer'),
  'kafka-dump-log': { '4.3': 'org.apache.kafka.tools.DumpLogSegments', '3.9': 'kafka.tools.DumpLogSegments' },
  'kafka-delete-records': inTools('DeleteRecordsCommand'),
  'kafka-log-dirs': inTools('LogDirsCommand'),
  'kafka-broker-api-versions': { '4.3': 'org.apache.kafka.tools.BrokerApiVersionsCommand', '3.9': 'kafka.admin.BrokerApiVersionsCommand' },
  'kafka-cluster': inTools('ClusterTool'),
} as const satisfies Record<string, Record<JavaGeneration, string>>;

/** A tool's name. */
export type ToolName = keyof typeof mains;

/** The tools of one generation against one broker, with a transcript of what they said. */
export class Toolbox {
  readonly generation: JavaGeneration;
  readonly broker: Broker;
  readonly transcript: string[] = [];
  readonly worker: Worker;
  readonly #names = new Map<string, string>();

  constructor(generation: JavaGeneration, worker: Worker, broker: Broker) {
    this.generation = generation;
    this.worker = worker;
    this.broker = broker;
  }

  /** A name that no other case uses; the transcript shows the word instead. */
  name(word: string): string {
    const name = `${word}-${this.generation.replace('.', '')}-${process.pid}-${nameNext++}`;
    this.#names.set(name, `<${word}>`);
    return name;
  }

  /** Runs a tool with `--bootstrap-server`. Notes what it printed, with its lines sorted unless told to keep their order. Fails unless it ends with the code. */
  async run(tool: ToolName, args: readonly string[], options: { stdin?: string; timeoutMs?: number; exit?: number; note?: boolean; bare?: boolean } = {}): Promise<ToolRun> {
    const { exit = 0, note = true, bare = false, ...rest } = options;
    const done = await this.try(tool, args, { bare, ...rest });
    assert.equal(done.exit, exit, `${tool} ${args.join(' ')} ended with ${done.exit}\n${done.out}\n${done.err}`);
    if (note) this.transcript.push(`$ ${tool} ${this.#comparable(args.join(' '))}`, ...this.#comparable(done.out).split('\n').filter((line) => line !== '').sort());
    return done;
  }

  /** Runs a tool and leaves the judgement to the caller. */
  try(tool: ToolName, args: readonly string[], options: { stdin?: string; timeoutMs?: number; bare?: boolean } = {}): Promise<ToolRun> {
    const { bare = false, ...rest } = options;
    return this.worker.tool(mains[tool][this.generation], bare ? args : ['--bootstrap-server', this.broker.bootstrap, ...args], rest);
  }

  /** Starts a tool that goes on until it is stopped. */
  async begin(tool: ToolName, args: readonly string[]): Promise<{ read(): Promise<ToolRun>; stop(): Promise<ToolRun> }> {
    const handle = await this.worker.ask<{ run: number }>('tool.start', { main: mains[tool][this.generation], args: ['--bootstrap-server', this.broker.bootstrap, ...args] });
    return { read: () => this.worker.ask('tool.read', handle), stop: () => this.worker.ask('tool.stop', handle) };
  }

  // Ports, generated ids and column widths are nobody's promise.
  #comparable(text: string): string {
    let result = text.replaceAll(this.broker.bootstrap, '<broker>').replaceAll(this.broker.dataFolder, '<data>');
    for (const [name, shown] of this.#names) result = result.replaceAll(name, shown);
    return result.replaceAll(/TopicId: \S+/g, 'TopicId: <id>').replaceAll(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, '<uuid>').replaceAll(/"timestamp":\d+/g, '"timestamp":<time>').replaceAll(/[ \t]+/g, ' ').replaceAll(/ *\n */g, '\n').trim();
  }
}

let nameNext = 1;

/** The words of each line of a table, header first, as the tools print tables. */
export const table = (out: string): string[][] => out.split('\n').map((line) => line.trim().split(/\s+/)).filter((words) => words.length > 1);
