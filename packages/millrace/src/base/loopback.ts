// base/loopback.ts - which addresses no other machine can reach.

/**
 * True for a host that only this machine reaches: 'localhost', an address of 127.0.0.0/8, '::1'. A name that merely begins like one is another machine's.
 * @example isLoopback('127.0.0.1') && !isLoopback('127.example.com')
 */
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
