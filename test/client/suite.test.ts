// test/client/suite.test.ts - the client's suite: the same cases against Millrace in memory, Millrace as a process, and Apache Kafka.
import { after, before, describe, test } from 'node:test';
import type { Client } from '../../packages/millrace/src/mod.ts';
import { adminCases } from './cases-admin.ts';
import { consumeCases } from './cases-consume.ts';
import { consumerProtocolCases } from './cases-consumer-protocol.ts';
import { groupCases } from './cases-groups.ts';
import { produceCases } from './cases-produce.ts';
import { restartCases } from './cases-restart.ts';
import { shareCases } from './cases-share.ts';
import { targetPlans, type Target } from './targets.ts';

const only = process.env['MILLRACE_SUITE_TARGET'];

for (const plan of targetPlans.filter((one) => only === undefined || one.name.includes(only))) {
  describe(plan.name, { skip: plan.skip, timeout: 600_000 }, () => {
    let target: Target;
    let client: Client;
    let named = 0;
    before(async () => { target = await plan.start(); client = await target.connect(); });
    after(async () => { await client?.close(); await target?.[Symbol.asyncDispose](); });
    for (const one of [...produceCases, ...consumeCases, ...groupCases, ...consumerProtocolCases, ...adminCases, ...shareCases, ...restartCases]) {
      if (one.needsRestart && plan.name === 'Millrace in memory') continue; // nothing outlives a node in memory
      test(one.name, { timeout: one.needsRestart ? 400_000 : 120_000 }, async () => {
        await one.run({ target, client, unique: (prefix) => `${prefix}-${++named}` });
      });
    }
  });
}
