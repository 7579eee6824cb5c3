// base/mod.ts - the door of floor 0: what every room may use.
export * from './assert.ts';
export * from './errors.ts';
export * from './units.ts';
export * from './limits.ts';
export * from './checksums.ts';
export * from './copy-bytes.ts';
export * from './policy.ts';
export * from './report.ts';
export * from './histogram.ts';
export * from './loopback.ts';
