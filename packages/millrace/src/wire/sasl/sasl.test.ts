// What clients and servers say to each other by SASL: the example of RFC 7677, and texts that are not of the form.
// RFC 5802's own example is for SHA-1, which no Kafka knows; its arithmetic is that of RFC 7677 with another hash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authMessage, bearerMessage, bearerRefusal, clientFinal, clientFinalWithoutProof, clientFirst, clientProof, credentialOf, plainMessage, quoteName, readBearer, readClientFinal, readClientFirst,
  readPlain, readServerFinal, readServerFirst, saltedPassword, serverFinal, serverFirst, serverKeyOf, serverSignature, storedKeyOfProof, type ScramMechanism,
} from './mod.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (given: Uint8Array): string => new TextDecoder().decode(given);
const base64 = (given: string): Uint8Array => new Uint8Array(Buffer.from(given, 'base64'));

test('the example of RFC 7677 (SCRAM-SHA-256), message by message', () => {
  const first = clientFirst('user', 'rOprNGfwEbeRWgbNEkqO');
  assert.equal(text(first.bytes), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const salt = base64('W22ZaJ0SNY7soEsUEjb6gQ==');
  const challenge = serverFirst(nonce, salt, 4096);
  assert.equal(challenge, `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  const withoutProof = clientFinalWithoutProof('n,,', nonce);
  const salted = saltedPassword('SCRAM-SHA-256', 'pencil', salt, 4096);
  const message = authMessage(first.bare, challenge, withoutProof);
  const proof = clientProof('SCRAM-SHA-256', salted, message);
  assert.equal(text(clientFinal(withoutProof, proof)), `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`);
  const credential = credentialOf('SCRAM-SHA-256', salted, salt, 4096);
  assert.deepEqual(storedKeyOfProof('SCRAM-SHA-256', proof, credential.storedKey, message), credential.storedKey);
  assert.equal(text(serverFinal(serverSignature('SCRAM-SHA-256', credential.serverKey, message))), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('with both hashes the two sides agree, and on nothing but the right password', () => {
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] satisfies ScramMechanism[]) {
    const salt = bytes('some salt');
    const salted = saltedPassword(mechanism, 'pâsswörd €', salt, 4096);
    const credential = credentialOf(mechanism, salted, salt, 4096);
    const message = bytes('what was said');
    assert.deepEqual(storedKeyOfProof(mechanism, clientProof(mechanism, salted, message), credential.storedKey, message), credential.storedKey);
    assert.deepEqual(serverKeyOf(mechanism, salted), credential.serverKey);
    const wrong = clientProof(mechanism, saltedPassword(mechanism, 'password', salt, 4096), message);
    assert.notDeepEqual(storedKeyOfProof(mechanism, wrong, credential.storedKey, message), credential.storedKey);
    assert.notDeepEqual(storedKeyOfProof(mechanism, clientProof(mechanism, salted, bytes('something else')), credential.storedKey, message), credential.storedKey);
    assert.equal(storedKeyOfProof(mechanism, wrong.subarray(1), credential.storedKey, message), null, 'a proof of another length');
  }
});

test('names with commas and equals signs come through', () => {
  for (const name of ['a,b', 'a=b', '=2C', '=3D', ',=,=', 'ünï']) {
    assert.equal(readClientFirst(clientFirst(name, 'nonce').bytes).username, name);
    assert.ok(!quoteName(name).includes(','));
  }
  const { authorizationId, gs2Header, bare } = readClientFirst(bytes('n,a=o=2Cther,n=user,r=x,e=1'));
  assert.deepEqual({ authorizationId, gs2Header, bare }, { authorizationId: 'o,ther', gs2Header: 'n,a=o=2Cther,', bare: 'n=user,r=x,e=1' });
});

test('what is not of the form is refused whole', () => {
  const refuses = (read: (given: Uint8Array) => unknown, given: string) => assert.throws(() => read(bytes(given)), { code: 'invalid-bytes' }, given);
  for (const given of ['', 'n,,', 'n,,n=,r=x', 'n,,n=user,r=', 'y,,n=user,r=x', 'p=tls-unique,,n=user,r=x', 'n,,m=must,n=user,r=x', 'n,,n=us=er,r=x', 'n,,n=user,r=x y', 'n,,r=x,n=user', 'n,,n=user,r=x\n', 'n,,n=user,r=x,m=1']) refuses(readClientFirst, given);
  for (const given of ['', 'r=x,s=QQ==', 'r=x,s=Q,i=4096', 'r=x,s=QQ==,i=0', 'r=x,s=QQ==,i=-1', 'r=x,s=QQ==,i=99999999999', 's=QQ==,r=x,i=1']) refuses(readServerFirst, given);
  for (const given of ['', 'c=biws,r=x', 'c=biws,p=QQ==', 'c=,r=,p=', 'c=biws,r=x,p=Q', 'p=QQ==,c=biws,r=x']) refuses(readClientFinal, given);
  for (const given of ['', 'v', 'x=1']) refuses(readServerFinal, given);
  assert.throws(() => readClientFirst(Uint8Array.of(0x6e, 0x2c, 0x2c, 0x6e, 0x3d, 0xff, 0x2c)), { code: 'invalid-bytes' }, 'not UTF-8');
  assert.deepEqual(readServerFinal(bytes('e=other-error')), { error: 'other-error', signature: new Uint8Array() });
});

test('PLAIN has exactly three parts, and its errors hold none of them', () => {
  assert.deepEqual(readPlain(plainMessage('alice', 'secret')), { authorizationId: '', username: 'alice', password: 'secret' });
  for (const given of ['', 'alice', 'alice\0secret', '\0alice\0secret\0']) {
    assert.throws(() => readPlain(bytes(given)), (error: Error) => /expected 3 tokens, got \d/.test(error.message) && !error.message.includes('secret'));
  }
});

test('a bearer token comes with extensions; anything else is refused', () => {
  const message = bearerMessage('a.b-c_d', { traceId: '1 2' });
  const { token, authorizationId, extensions } = readBearer(message);
  assert.deepEqual([token, authorizationId, [...extensions]], ['a.b-c_d', '', [['traceId', '1 2']]]);
  assert.equal(readBearer(bytes('n,a=al=2Cice,\x01auth=bearer x.y.z\x01\x01')).authorizationId, 'al,ice');
  for (const given of ['', 'n,,\x01\x01', 'n,,\x01auth=Basic x\x01\x01', 'n,,\x01auth=Bearer \x01\x01', 'n,,\x01auth=Bearer x\x01', 'y,,\x01auth=Bearer x\x01\x01', 'n,,\x01auth=Bearer x\x01\x01more']) {
    assert.throws(() => readBearer(bytes(given)), { code: 'invalid-bytes' }, JSON.stringify(given));
  }
  assert.throws(() => bearerMessage('a token'), { code: 'invalid-argument' });
  assert.equal(text(bearerRefusal('invalid_token')), '{"status":"invalid_token"}');
});
