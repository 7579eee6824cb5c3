// testing/fault-plans.ts - plans of faults that clients must live through: to start from in a test, and what the clients here are tested with.
// Owns: the plans. Every one leaves room for progress: faults are drawn, or end.
import type { FaultPlan } from '../broker/mod.ts';

/** Each plan by what it does. @example await using node = await startNode({ brokers: 3, faults: faultPlans['answers that are lost'] }); */
export const faultPlans = {
  'nothing wrong': { rules: [] },
  'leaders and coordinators that move': { seed: 3, rules: [
    { kind: 'move-leader', apis: ['Produce'], probability: 0.1 }, { kind: 'move-leader', apis: ['Fetch'], probability: 0.02 },
    { kind: 'move-coordinator', apis: ['OffsetCommit', 'Heartbeat', 'OffsetFetch'], probability: 0.1 },
  ] },
  'errors that pass': { seed: 4, rules: [
    { kind: 'error', apis: ['Produce', 'Fetch', 'ListOffsets'], error: 'NOT_LEADER_OR_FOLLOWER', probability: 0.1 },
    { kind: 'error', apis: ['Produce'], error: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', executed: true, probability: 0.1 },
    { kind: 'error', apis: ['FindCoordinator'], error: 'COORDINATOR_NOT_AVAILABLE', times: 2 },
    { kind: 'error', apis: ['OffsetFetch'], error: 'COORDINATOR_LOAD_IN_PROGRESS', times: 2 },
    { kind: 'error', apis: ['Metadata'], error: 'LEADER_NOT_AVAILABLE', times: 1 },
  ] },
  'answers that are lost': { seed: 5, rules: [
    { kind: 'lose-reply', apis: ['Produce'], probability: 0.1 }, { kind: 'lose-reply', apis: ['OffsetCommit', 'InitProducerId'], times: 2 },
    { kind: 'cut-before', apis: ['Produce', 'Fetch'], probability: 0.03 }, { kind: 'cut-after', apis: ['Produce', 'Fetch'], probability: 0.03 },
  ] },
  'slow and held back': { seed: 6, rules: [
    { kind: 'slow', apis: ['Produce', 'Fetch'], ms: 15, probability: 0.2 }, { kind: 'throttle', apis: ['Produce', 'Fetch'], ms: 20, probability: 0.1 },
  ] },
  transactions: { seed: 7, rules: [
    { kind: 'error', apis: ['InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn'], error: 'CONCURRENT_TRANSACTIONS', probability: 0.2 },
    { kind: 'error', apis: ['InitProducerId', 'EndTxn'], error: 'COORDINATOR_LOAD_IN_PROGRESS', probability: 0.1 },
    { kind: 'error', apis: ['OffsetFetch'], error: 'UNSTABLE_OFFSET_COMMIT', times: 2 },
    { kind: 'move-coordinator', apis: ['EndTxn', 'AddPartitionsToTxn'], probability: 0.1 }, { kind: 'move-leader', apis: ['Produce'], probability: 0.05 },
    { kind: 'lose-reply', apis: ['EndTxn', 'AddPartitionsToTxn'], probability: 0.05 },
  ] },
} as const satisfies Readonly<Record<string, FaultPlan>>;
