// testing/histories/mod.ts - the door of the checker of transactions' histories.
export { checkHistory, describeAnomalies, type CheckOptions } from './check.ts';
export { HistoryRecorder, nameOf, type Consumed, type History, type Outcome, type Poll, type Position, type Seen, type StableEnd, type TransactionRecord, type Written } from './history.ts';
export type { Anomaly, AnomalyKind } from './known.ts';
