// broker/authorization/rule.ts - one row of the table of rules: an api, what its requests need in words, and the guard that sees to it.
import type { Api } from '../../wire/mod.ts';
import type { Guard } from './guard.ts';

/** What one api needs. */
export interface Rule {
  readonly api: Api<any, any>;
  /** In words, for docs/guide/authorization.md. */
  readonly needs: string;
  /** 'nobody asks': every client may. 'in its handler': the handler asks the authorizer itself, as what is asked for is known only there. */
  readonly guard: Guard<any> | 'nobody asks' | 'in its handler';
}

/** A row of the table. @example rule(Heartbeat, 'READ on the group', heartbeat) */
export function rule<A extends Api<any, any>>(api: A, needs: string, guard: Guard<A> | 'nobody asks' | 'in its handler'): Rule {
  return { api, needs, guard };
}
