// wire/sasl/mod.ts - what SASL's mechanisms say to each other, for both sides.
export * from './mechanism.ts';
export * from './scram.ts';
export * from './plain.ts';
export * from './oauthbearer.ts';
