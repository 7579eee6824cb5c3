// client/net/ports.ts - what a client needs of the machine: streams, time and chance. A node's own machine fits, and so does a simulated one.
import type { Machine } from '../../os/mod.ts';

/** The ports of a client. */
export type ClientPorts = Pick<Machine, 'net' | 'clock' | 'random'>;
