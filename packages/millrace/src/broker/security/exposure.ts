// broker/security/exposure.ts - nothing is open to the network unless somebody has said so.
// E1 An address that other machines can reach is listened on only where clients have to say who they are, or where 'insecure' was said; then it is warned of.
import { isLoopback, MillraceError, type Report } from '../../base/mod.ts';
import { isAuthenticated, type SecurityOptions } from './options.ts';

/** Throws 'invalid-argument' for a listener that would let anybody in (E1); warns of one that is weak. */
export function checkExposure(listener: SecurityOptions & { readonly host: string; readonly port: number; readonly insecure?: boolean }, report: Report): void {
  const { host, port, insecure = false, tls, sasl } = listener;
  if (isLoopback(host)) return;
  if (!isAuthenticated(listener)) {
    if (!insecure) {
      throw new MillraceError('invalid-argument', `Cannot listen on '${host}:${port}' without authentication: other machines can reach it, and whoever does could read, write and delete everything. Give the listener 'sasl' (--sasl scram-sha-512 and --tls-cert), or 'tls' with clientAuth 'required' (--tls-client-auth required); or listen on 127.0.0.1. In a network that you trust wholly: insecure: true (--insecure)`, { host, port });
    }
    report(`listening on ${host}:${port} INSECURE: whoever reaches it may read, write and delete everything`, 'warn');
  } else if (tls === undefined && sasl !== undefined) {
    report(`listening on ${host}:${port} without TLS: whoever sits on the way reads and changes what is sent${sasl.plain === undefined ? '' : ', passwords of PLAIN too'}`, 'warn');
  }
}
