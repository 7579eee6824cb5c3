// What rules say of actions: a table of rule sets and questions, the answers worked out from the rules of Apache Kafka's StandardAuthorizer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aclOperations, aclPatterns, aclPermissions, aclResources, type AclOperationName, type AclResourceName } from '../../wire/mod.ts';
import { aclFault, aclKey, aclText, filterFault, passes, readAcl, type Acl, type AclFilter } from './acl.ts';
import { AclIndex } from './acl-index.ts';
import { ruleOf } from './request-cases.ts';
import { hostFault, hostTest, parseAddress, plainHost } from './host-pattern.ts';

const indexOf = (rules: readonly string[]): AclIndex => {
  const index = new AclIndex();
  for (const rule of rules) index.add(ruleOf(rule));
  return index;
};

/** Rules, and questions 'alice read topic orders[ from HOST]' with what the rules say. */
const scenes: readonly { readonly what: string; readonly rules: readonly string[]; readonly says: Readonly<Record<string, 'allow' | 'deny' | 'silent'>> }[] = [
  { what: 'no rule at all says nothing', rules: [], says: { 'alice read topic orders': 'silent', 'alice describe cluster kafka-cluster': 'silent' } },
  {
    what: 'one literal rule',
    rules: ['allow alice read topic orders'],
    says: {
      'alice read topic orders': 'allow', 'alice write topic orders': 'deny', 'bob read topic orders': 'deny', 'alice read topic order': 'silent', 'alice read topic orders-2': 'silent',
      'alice read group orders': 'silent', 'alice describe topic orders': 'allow', 'alice describe_configs topic orders': 'deny', 'alice delete topic orders': 'deny',
      'bob describe topic orders': 'deny', 'alice read topic ORDERS': 'silent', 'alice create topic orders': 'deny', 'alice alter topic orders': 'deny',
    },
  },
  {
    what: 'reading, writing, deleting and altering imply describing',
    rules: ['allow a read topic t', 'allow b write topic t', 'allow c delete topic t', 'allow d alter topic t', 'allow e create topic t', 'allow f alter_configs topic t', 'allow g describe topic t', 'allow h describe_configs topic t'],
    says: {
      'a describe topic t': 'allow', 'b describe topic t': 'allow', 'c describe topic t': 'allow', 'd describe topic t': 'allow', 'e describe topic t': 'deny', 'f describe topic t': 'deny',
      'g describe topic t': 'allow', 'h describe topic t': 'deny', 'f describe_configs topic t': 'allow', 'h describe_configs topic t': 'allow', 'a describe_configs topic t': 'deny',
      'd describe_configs topic t': 'deny', 'g read topic t': 'deny', 'h alter_configs topic t': 'deny', 'd alter topic t': 'allow', 'd alter_configs topic t': 'deny',
    },
  },
  {
    what: 'denials do not imply anything',
    rules: ['allow alice describe topic t', 'allow alice describe_configs topic t', 'deny alice read topic t', 'deny alice alter_configs topic t', 'deny alice write topic t'],
    says: { 'alice describe topic t': 'allow', 'alice read topic t': 'deny', 'alice describe_configs topic t': 'allow', 'alice alter_configs topic t': 'deny', 'alice write topic t': 'deny' },
  },
  {
    what: 'one denial outweighs every permission, wherever it stands',
    rules: ['allow alice all topic t', 'deny alice write topic t', 'allow everybody write topic *', 'allow alice write topic t prefixed'],
    says: { 'alice write topic t': 'deny', 'alice read topic t': 'allow', 'bob write topic t': 'allow', 'alice write topic t2': 'allow', 'alice describe topic t': 'allow', 'bob read topic t': 'deny' },
  },
  {
    what: 'a denial by the name for all, by prefix, by everybody, by all operations',
    rules: ['allow alice all topic a', 'allow alice all topic b', 'allow alice all topic c', 'allow alice all topic d', 'deny alice read topic *', 'deny alice write topic b prefixed', 'deny everybody delete topic c', 'deny alice all topic d'],
    says: {
      'alice read topic a': 'deny', 'alice write topic a': 'allow', 'alice write topic b': 'deny', 'alice delete topic b': 'allow', 'alice delete topic c': 'deny', 'alice alter topic c': 'allow',
      'alice alter topic d': 'deny', 'alice describe topic d': 'deny', 'alice describe topic a': 'allow', 'bob read topic a': 'deny', 'bob read topic z': 'deny', 'bob write topic bb': 'deny',
    },
  },
  {
    what: 'prefixes',
    rules: ['allow alice read topic shop- prefixed', 'allow alice write topic shop-eu- prefixed', 'deny alice read topic shop-eu-secret prefixed', 'allow bob read topic s prefixed'],
    says: {
      'alice read topic shop-orders': 'allow', 'alice read topic shop-': 'allow', 'alice read topic shop': 'deny', 'alice read topic shoq': 'deny', 'alice write topic shop-eu-1': 'allow',
      'alice write topic shop-us-1': 'deny', 'alice read topic shop-eu-1': 'allow', 'alice read topic shop-eu-secrets': 'deny', 'alice describe topic shop-eu-secrets': 'allow',
      'bob read topic shop-eu-secrets': 'allow', 'bob read topic s': 'allow', 'bob read topic x': 'silent', 'carol read topic x': 'silent', 'carol read topic s1': 'deny',
    },
  },
  {
    what: 'a literal name is no prefix, and a prefix that is called * is no name for all',
    rules: ['allow alice read topic foo', 'allow bob read topic * prefixed', 'allow carol read topic *'],
    says: {
      'alice read topic foo': 'allow', 'alice read topic foobar': 'deny', 'bob read topic foo': 'deny', 'bob read topic *x': 'allow', 'bob read topic *': 'allow', 'carol read topic anything': 'allow',
      'carol read topic *': 'allow', 'carol write topic anything': 'deny', 'dave read topic anything': 'deny', 'alice read topic anything': 'deny', 'carol describe topic anything': 'allow',
    },
  },
  {
    what: 'everybody, and principals that only look like others',
    rules: ['allow everybody read topic news', 'allow Alice read topic t', 'allow alice,bob read topic u'],
    says: {
      'alice read topic news': 'allow', 'ANONYMOUS read topic news': 'allow', 'alice read topic t': 'deny', 'Alice read topic t': 'allow', 'alice read topic u': 'deny', 'alice,bob read topic u': 'allow',
      'everybody read topic news': 'allow', 'alice write topic news': 'deny',
    },
  },
  {
    what: 'hosts',
    rules: ['allow alice read topic t from 10.0.0.1', 'allow bob read topic t from 10.1.0.0/16', 'deny carol read topic t from 10.0.0.7', 'allow carol read topic t', 'allow dave read topic t from fd00::/8', 'allow erin read topic t from ::1'],
    says: {
      'alice read topic t from 10.0.0.1': 'allow', 'alice read topic t from 10.0.0.2': 'deny', 'alice read topic t from ::ffff:10.0.0.1': 'allow', 'bob read topic t from 10.1.255.255': 'allow',
      'bob read topic t from 10.2.0.0': 'deny', 'bob read topic t from fd00::1': 'deny', 'carol read topic t from 10.0.0.7': 'deny', 'carol read topic t from 10.0.0.8': 'allow',
      'dave read topic t from fd12:3456::1': 'allow', 'dave read topic t from fe80::1': 'deny', 'dave read topic t from 10.0.0.1': 'deny', 'erin read topic t from 0:0:0:0:0:0:0:1': 'allow', 'erin read topic t from 127.0.0.1': 'deny',
    },
  },
  {
    what: 'kinds of resources do not mix',
    rules: ['allow alice all cluster kafka-cluster', 'allow bob all topic x', 'allow carol all group x', 'allow dave all transactional_id x', 'allow erin all delegation_token x', 'allow frank all user User:x'],
    says: {
      'alice create cluster kafka-cluster': 'allow', 'alice read topic x': 'deny', 'bob read topic x': 'allow', 'bob read group x': 'deny', 'carol read group x': 'allow', 'carol write transactional_id x': 'deny',
      'dave write transactional_id x': 'allow', 'dave read topic x': 'deny', 'erin describe delegation_token x': 'allow', 'frank create_tokens user User:x': 'allow', 'bob create cluster kafka-cluster': 'deny',
      'alice idempotent_write cluster kafka-cluster': 'allow', 'alice cluster_action cluster kafka-cluster': 'allow', 'alice describe_configs cluster kafka-cluster': 'allow',
    },
  },
  {
    what: 'nested prefixes where the nearest is of no help',
    rules: ['allow alice read topic a prefixed', 'allow bob read topic ab prefixed', 'allow bob read topic abcd', 'deny alice read topic abc'],
    says: { 'alice read topic abc': 'deny', 'alice read topic abcd': 'allow', 'alice read topic abca': 'allow', 'bob read topic abc': 'allow', 'bob read topic ac': 'deny', 'bob read topic b': 'silent', 'alice read topic ': 'silent' },
  },
];

for (const { what, rules, says } of scenes) {
  test(what, () => {
    for (const order of [rules, [...rules].reverse()]) {
      const index = indexOf(order);
      assert.deepEqual(Object.fromEntries(Object.keys(says).map((question) => [question, answer(index, question)])), says);
    }
  });
}

function answer(index: AclIndex, question: string): string {
  const match = /^(\S+) (\S+) (\S+) (\S*?)(?: from (\S+))?$/.exec(question);
  assert.ok(match, question);
  const [, who, operation, resource, name, host] = match;
  return index.verdict(who === 'everybody' ? 'User:*' : `User:${who}`, host ?? '10.9.9.9', aclOperations[operation as AclOperationName], aclResources[resource as AclResourceName], name!);
}

test('the table is as large as it was meant to be', () => {
  assert.ok(scenes.reduce((count, { says }) => count + Object.keys(says).length, 0) >= 115);
});

test('rules that are taken back leave nothing behind', () => {
  const rules = scenes.flatMap((scene) => scene.rules);
  const index = indexOf(rules);
  for (const rule of rules) { index.remove(ruleOf(rule)); index.remove(ruleOf(rule)); }
  assert.equal(index.all.size, 0);
  assert.equal(answer(index, 'alice read topic shop-eu-secrets'), 'silent');
  index.add(ruleOf('allow alice read topic shop prefixed'));
  assert.equal(answer(index, 'alice read topic shop-eu-secrets'), 'allow');
});

test('who may write somewhere: permissions that no denial covers', () => {
  const cases: readonly (readonly [rules: readonly string[], somewhere: boolean])[] = [
    [[], false],
    [['allow alice write topic t'], true],
    [['allow alice all topic t'], true],
    [['allow everybody write topic t'], true],
    [['allow bob write topic t'], false],
    [['allow alice write topic t from 10.0.0.1'], false],
    [['allow alice read topic t'], false],
    [['allow alice write group t'], false],
    [['allow alice write topic *'], true],
    [['allow alice write topic *', 'deny alice write topic t'], true],
    [['allow alice write topic t', 'deny alice write topic *'], false],
    [['allow alice write topic t', 'deny alice write topic t'], false],
    [['allow alice write topic t', 'deny everybody all topic t'], false],
    [['allow alice write topic t', 'deny alice write topic u'], true],
    [['allow alice write topic team-a', 'deny alice write topic team prefixed'], false],
    [['allow alice write topic team prefixed', 'deny alice write topic team-a prefixed'], true],
    [['allow alice write topic team prefixed', 'deny alice write topic te prefixed'], false],
    [['allow alice write topic team prefixed', 'deny alice write topic team prefixed'], false],
    [['allow alice write topic team prefixed', 'deny alice write topic team'], true],
    [['allow alice write topic team-a', 'deny alice write topic team prefixed', 'allow alice write topic x'], true],
    [['allow alice write topic t', 'deny alice write topic t from 10.0.0.1'], true],
  ];
  for (const [rules, somewhere] of cases) assert.equal(indexOf(rules).allowsAny('User:alice', '10.9.9.9', aclOperations.write, aclResources.topic), somewhere, rules.join('; '));
});

test('what is wrong about a rule, in Kafka\'s words', () => {
  const good = ruleOf('allow alice read topic t');
  const wrong: readonly (readonly [Partial<Acl>, RegExp | null])[] = [
    [{}, null], [{ resourceType: aclResources.cluster, name: 'mine' }, /only valid name for the CLUSTER/], [{ resourceType: aclResources.cluster, name: 'kafka-cluster' }, null], [{ name: '' }, /empty resource name/],
    [{ resourceType: 1 }, /Invalid resourceType/], [{ resourceType: 0 }, /Invalid resourceType/], [{ resourceType: 99 }, /Invalid resourceType/], [{ patternType: 1 }, /Invalid patternType/], [{ patternType: 2 }, /Invalid patternType/],
    [{ operation: 1 }, /Invalid operation/], [{ operation: 0 }, /Invalid operation/], [{ operation: 2 }, null], [{ permission: 1 }, /Invalid permissionType/], [{ permission: 0 }, /Invalid permissionType/],
    [{ principal: 'alice' }, /no colon/], [{ host: '10.0.0.0/8' }, null], [{ host: '10.0.0.0/33' }, /range of addresses/], [{ host: 'host/8' }, /range of addresses/], [{ host: 'somewhere' }, null], [{ name: 'x'.repeat(5000) }, /characters/],
  ];
  for (const [change, fault] of wrong) {
    const found = aclFault({ ...good, ...change });
    if (fault === null) assert.equal(found, null, JSON.stringify(change));
    else assert.match(found?.message ?? 'none', fault, JSON.stringify(change));
  }
});

test('filters: any, match, and names', () => {
  const rules = ['allow alice read topic orders', 'allow alice read topic ord prefixed', 'deny bob write topic *', 'allow carol describe group orders', 'allow alice read topic other'];
  const found = (filter: Partial<AclFilter>) => rules.filter((rule) => passes({ resourceType: 1, patternType: 1, name: null, principal: null, host: null, operation: 1, permission: 1, ...filter }, ruleOf(rule))).map((rule) => rules.indexOf(rule));
  const { match, literal, prefixed } = aclPatterns;
  assert.deepEqual(found({}), [0, 1, 2, 3, 4]);
  assert.deepEqual(found({ name: 'orders' }), [0, 3]);
  assert.deepEqual(found({ name: 'orders', resourceType: aclResources.topic }), [0]);
  assert.deepEqual(found({ name: 'orders', patternType: match }), [0, 1, 2, 3]);
  assert.deepEqual(found({ name: 'orders', patternType: match, resourceType: aclResources.topic }), [0, 1, 2]);
  assert.deepEqual(found({ name: 'orders', patternType: literal }), [0, 3]);
  assert.deepEqual(found({ name: 'ord', patternType: prefixed }), [1]);
  assert.deepEqual(found({ name: 'orders', patternType: prefixed }), []);
  assert.deepEqual(found({ patternType: prefixed }), [1]);
  assert.deepEqual(found({ name: '*' }), [2]);
  assert.deepEqual(found({ principal: 'User:alice', operation: aclOperations.read }), [0, 1, 4]);
  assert.deepEqual(found({ permission: aclPermissions.deny }), [2]);
  assert.deepEqual(found({ host: '10.0.0.1' }), []);
  const filter = { resourceType: 1, patternType: 1, name: null, principal: null, host: null, operation: 1, permission: 1 };
  assert.equal(filterFault(filter), null);
  for (const field of ['resourceType', 'patternType', 'operation', 'permission']) for (const value of [0, 77]) assert.notEqual(filterFault({ ...filter, [field]: value }), null, field);
});

test('records: what is written is read, what is not known is not taken for something else', () => {
  for (const rule of scenes.flatMap((scene) => scene.rules)) {
    const acl = ruleOf(rule);
    assert.deepEqual(readAcl(aclText(acl)), acl);
    assert.equal(aclKey(readAcl(aclText(acl))!), aclKey(acl));
  }
  const text = aclText(ruleOf('allow alice read topic t'));
  assert.equal(readAcl(text.replace('"version":1', '"version":2')), null);
  assert.equal(readAcl(text.replace('"read"', '"fly"')), null);
});

test('addresses', () => {
  for (const good of ['1.2.3.4', '::', '::1', '1::', 'fe80::1%eth0', '[::1]', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:1.2.3.4']) assert.notEqual(parseAddress(good), null, good);
  for (const bad of ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', 'g::1', '12345::', 'localhost', '1:2:3:4:5:6:7::8:9']) assert.equal(parseAddress(bad), null, bad);
  assert.ok(hostTest('0.0.0.0/0')('1.2.3.4'));
  assert.ok(!hostTest('0.0.0.0/0')('::1'));
  assert.ok(hostTest('127.0.0.1/32')('127.0.0.1'));
  assert.ok(!hostTest('10.0.0.0/99')('10.0.0.0'));
  assert.ok(hostTest('a name')('a name'), 'a host that is no address is compared as it is');
  for (const bad of ['10.0.0.0/33', '::/129', '10.0.0.0/', '/8', '10.0.0.0/x', 'a/b']) assert.notEqual(hostFault(bad), null, bad);
  for (const good of ['*', '10.0.0.1', 'name', '10.0.0.0/8', '::/0']) assert.equal(hostFault(good), null, good);
  assert.equal(plainHost('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(plainHost('::1'), '::1');
});
