// wire/sasl/mechanism.ts - the SASL mechanisms, by the names that clients and servers tell each other.
import type { HashName } from '../../os/mod.ts';

/** Mechanisms, the ones to prefer first. */
export const saslMechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'OAUTHBEARER', 'PLAIN'] as const;

/** Name of a mechanism. */
export type SaslMechanism = (typeof saslMechanisms)[number];

/** Mechanisms whose server keeps no password. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

/** True for the name of a mechanism that there is. */
export const isSaslMechanism = (name: string): name is SaslMechanism => (saslMechanisms as readonly string[]).includes(name);

/** True for the two of SCRAM. */
export const isScram = (mechanism: SaslMechanism): mechanism is ScramMechanism => mechanism === 'SCRAM-SHA-256' || mechanism === 'SCRAM-SHA-512';

/** Kafka's numbers of the two, in the requests about credentials. */
export const scramMechanismNumbers: Readonly<Record<ScramMechanism, number>> = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 };

/** The mechanism with this number; undefined for another. */
export const scramMechanismOf = (number: number): ScramMechanism | undefined => (number === 1 ? 'SCRAM-SHA-256' : number === 2 ? 'SCRAM-SHA-512' : undefined);

/** The hash that a mechanism is made with. */
export const hashOf = (mechanism: ScramMechanism): HashName => (mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512');
