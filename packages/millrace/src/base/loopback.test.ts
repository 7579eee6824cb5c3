// Which names and addresses are this machine's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from './loopback.ts';

test('only addresses of this machine are the loopback; a name that begins like one is somebody else', () => {
  assert.deepEqual(['localhost', '127.0.0.1', '127.1.2.3', '::1'].filter((host) => !isLoopback(host)), []);
  assert.deepEqual(['127.example.com', '127.0.0.1.example.com', '127', '0.0.0.0', '::', '10.0.0.1', 'localhost.example', ''].filter(isLoopback), []);
});
