// broker/security/routes.ts - the requests about authentication that come after it: credentials of SCRAM, and SASL where it has no place.
// Owns: the forms of requests and answers. Never: the talk itself (authentication.ts), the rules of credentials (scram-users.ts).
import { AlterUserScramCredentials, credentialOf, DescribeUserScramCredentials, errorCodes, SaslAuthenticate, SaslHandshake, scramMechanismNumbers, scramMechanismOf } from '../../wire/mod.ts';
import { route, type Handler, type Route } from '../handlers.ts';
import { storageErrorCode } from '../storage-errors.ts';
import type { ScramChange, ScramUsers } from './scram-users.ts';

/** Routes for keys 17, 36, 50 and 51. */
export function securityRoutes(users: ScramUsers): Route[] {
  return [
    route(SaslHandshake, (_request, context) => context.reply({ errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: [] })),
    route(SaslAuthenticate, (_request, context) => context.reply({ errorCode: errorCodes.ILLEGAL_SASL_STATE, errorMessage: 'SaslAuthenticate request received after successful authentication', authBytes: new Uint8Array() })),
    route(DescribeUserScramCredentials, describeUsers(users)),
    route(AlterUserScramCredentials, alterUsers(users)),
  ];
}

function describeUsers(users: ScramUsers): Handler<typeof DescribeUserScramCredentials> {
  return (request, context) => {
    const all = users.list();
    const named = request.users === null || request.users.length === 0 ? [...all.keys()] : request.users.map(({ name }) => name);
    const counts = new Map<string, number>();
    for (const name of named) counts.set(name, (counts.get(name) ?? 0) + 1);
    context.reply({
      errorCode: errorCodes.NONE, errorMessage: null,
      results: [...counts].map(([user, count]) => {
        const credentials = all.get(user);
        if (count > 1) return { user, errorCode: errorCodes.DUPLICATE_RESOURCE, errorMessage: `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`, credentialInfos: [] };
        if (credentials === undefined) return { user, errorCode: errorCodes.RESOURCE_NOT_FOUND, errorMessage: `Attempt to describe a user credential that does not exist: ${user}`, credentialInfos: [] };
        return { user, errorCode: errorCodes.NONE, errorMessage: null, credentialInfos: credentials.map(({ mechanism, iterations }) => ({ mechanism: scramMechanismNumbers[mechanism], iterations })) };
      }),
    });
  };
}

function alterUsers(users: ScramUsers): Handler<typeof AlterUserScramCredentials> {
  return (request, context) => {
    const changes: ScramChange[] = [
      ...request.deletions.map(({ name, mechanism }) => ({ kind: 'remove' as const, user: name, mechanism: scramMechanismOf(mechanism) })),
      ...request.upsertions.map(({ name, mechanism: number, iterations, salt, saltedPassword }) => {
        const mechanism = scramMechanismOf(number);
        // Views into the request's bytes are not kept.
        return { kind: 'set' as const, user: name, mechanism, credential: credentialOf(mechanism ?? 'SCRAM-SHA-256', saltedPassword, salt.slice(), iterations) };
      }),
    ];
    users.alter(changes).then(
      (outcomes) => context.reply({ results: outcomes.map(({ user, errorCode, message }) => ({ user, errorCode, errorMessage: message })) }),
      (error: unknown) => {
        const errorCode = storageErrorCode(error);
        context.reply({ results: [...new Set(changes.map(({ user }) => user))].map((user) => ({ user, errorCode, errorMessage: (error as Error).message })) });
      },
    );
  };
}
