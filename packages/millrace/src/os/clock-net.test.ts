// The machine's own clock and networks keep their contracts, over TLS too.
import { clockContract } from './clock-contract.ts';
import { memoryNet, nodeClock, nodeNet } from './mod.ts';
import { netContract, noTlsContract } from './net-contract.ts';
import { Authority } from '../../../../test/certificates.ts';

const pass = <T>(until: Promise<T>): Promise<T> => until;

/** Computes for that long. */
function holdUp(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

clockContract('node clock', () => ({ clock: nodeClock(), pass, holdUp }));
netContract('node net', () => ({ net: nodeNet(), host: '127.0.0.1', clock: nodeClock(), pass }));
netContract('memory net', () => ({ net: memoryNet(nodeClock()), host: 'localhost', clock: nodeClock(), pass }));

const authority = await Authority.make('Net');
const identity = await authority.sign('CN=localhost', ['localhost', '127.0.0.1']);
netContract('node net with TLS', () => ({
  net: nodeNet(), host: '127.0.0.1', clock: nodeClock(), pass,
  tls: { server: { cert: identity.cert, key: identity.key, ca: authority.cert, clientAuth: 'required' }, client: { ca: authority.cert, cert: identity.cert, key: identity.key } },
}));
noTlsContract('memory net', () => ({ net: memoryNet(nodeClock()), host: 'localhost', clock: nodeClock(), pass }));
