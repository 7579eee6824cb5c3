// From a certificate to the name of a user: the subject as Kafka writes it, and the rules that make a name of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Authority } from '../../../../../test/certificates.ts';
import { subjectOf } from './distinguished-name.ts';
import { principalRules } from './principal-rules.ts';

const authority = await Authority.make('Names');

test('the subject is written last part first, with what would be read wrongly escaped', async () => {
  for (const [given, written] of [
    ['CN=alice', 'CN=alice'],
    ['C=SE, O=Example, OU=bus, CN=alice', 'CN=alice,OU=bus,O=Example,C=SE'],
    [[{ DC: ['example'] }, { '0.9.2342.19200300.100.1.1': ['a1'] }, { '2.5.4.9': ['Road'] }, { L: ['Town'] }, { ST: ['Land'] }], 'ST=Land,L=Town,STREET=Road,UID=a1,DC=example'],
    [[{ CN: ['Åsa Öberg'] }], 'CN=Åsa Öberg'],
  ] satisfies (readonly [Parameters<typeof authority.sign>[0], string])[]) assert.equal(subjectOf((await authority.sign(given)).der), written);
  assert.equal(subjectOf((await authority.sign([{ CN: ['a, b+c=d;e'] }])).der), 'CN=a\\, b\\+c\\=d\\;e');
  assert.match(subjectOf((await authority.sign('CN=alice, E=a@example.com')).der), /^1\.2\.840\.113549\.1\.9\.1=#16[0-9a-f]+,CN=alice$/, 'attributes without a name, as Java has them');
});

test('bytes that are no certificate name nobody', async () => {
  const { der } = await authority.sign('CN=alice');
  for (const bytes of [new Uint8Array(), Uint8Array.of(0x30), Uint8Array.of(0x30, 0x80), Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), Uint8Array.of(0x30, 0x85, 1, 1, 1, 1, 1), der.subarray(0, 60)]) {
    assert.throws(() => subjectOf(bytes), { code: 'invalid-bytes' });
  }
  for (let cut = 1; cut < der.byteLength; cut += 7) assert.throws(() => subjectOf(der.subarray(0, cut)), { code: 'invalid-bytes' }, `cut at ${cut}`);
});

test('the first rule that matches the whole subject makes the name', () => {
  const cases: readonly (readonly [rules: string, subject: string, name: string])[] = [
    ['DEFAULT', 'CN=a,O=b', 'CN=a,O=b'],
    ['RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/,DEFAULT', 'CN=serviceuser,OU=ServiceUsers,O=Unknown', 'serviceuser'],
    ['RULE:^CN=(.*?),OU=(.*?),O=(.*?)$/$1@$2/L,DEFAULT', 'CN=AdminUser,OU=Admin,O=Unknown', 'adminuser@admin'],
    ['RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U', 'O=x,CN=kafka.one,C=SE', 'KAFKA.ONE'],
    ['RULE:^CN=x$/y/, RULE:^CN=(\\w+)$/$1-z/ , DEFAULT', 'CN=abc', 'abc-z'],
    ['RULE:^CN=x$/y/,DEFAULT', 'CN=xx', 'CN=xx'],
    ['RULE:^CN=(a)\\/b$/$1$2/', 'CN=a/b', 'a$2'],
  ];
  for (const [rules, subject, name] of cases) assert.equal(principalRules(rules)(subject), name, rules);
  assert.throws(() => principalRules('RULE:^CN=x$/y/')('CN=z'), { code: 'authentication-failed' });
  for (const rules of ['RULE:', 'RULE:abc', 'RULE:a/b', 'nonsense', 'RULE:(/x/', 'DEFAULT DEFAULT']) assert.throws(() => principalRules(rules), { code: 'invalid-argument' }, rules);
});
