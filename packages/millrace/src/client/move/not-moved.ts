// client/move/not-moved.ts - what of a cluster stays behind, in words: so that nobody finds out after the move.
// Owns: asking for it. What the source does not tell is said, too.
import { isMillraceError } from '../../base/mod.ts';
import { DescribeAcls, DescribeClientQuotas, DescribeUserScramCredentials, type Api, type RequestInit, type ResponseOf } from '../../wire/mod.ts';
import type { Cluster } from '../net/cluster.ts';

const any = 1;
const noneDefined = 54; // SECURITY_DISABLED: the cluster has no authorizer

/** One line for each kind of thing that is left where it is. */
export async function notMoved(cluster: Cluster): Promise<string[]> {
  const lines = await Promise.all([
    ask(cluster, 'ACLs', DescribeAcls, { resourceTypeFilter: any, patternTypeFilter: any, operation: any, permissionType: any }, (answer) => answer.resources.reduce((sum, { acls }) => sum + acls.length, 0)),
    ask(cluster, 'SCRAM users', DescribeUserScramCredentials, { users: null }, (answer) => answer.results.length),
    ask(cluster, 'client quotas', DescribeClientQuotas, { components: [], strict: false }, (answer) => answer.entries?.length ?? 0),
  ]);
  return lines.filter((line) => line !== null);
}

async function ask<A extends Api<any, any>>(cluster: Cluster, what: string, api: A, body: RequestInit<A>, count: (answer: ResponseOf<A>) => number): Promise<string | null> {
  const deadline = cluster.deadline(cluster.options.requestTimeoutMs);
  try {
    const connection = await cluster.connectionFor({ kind: 'any' }, 'main', deadline);
    if (!connection.speaks(api)) return null; // it has no such thing
    const answer = await connection.call(api, body, { deadline });
    const { errorCode } = answer as unknown as { errorCode: number };
    if (errorCode === noneDefined) return null;
    if (errorCode !== 0) return `${what}: the source does not tell (error ${errorCode}); make them at the target by hand`;
    const found = count(answer);
    return found === 0 ? null : `${found} ${what}: make them at the target by hand`;
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return `${what}: the source does not tell (${error.message})`;
  }
}
