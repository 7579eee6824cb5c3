// http/mod.ts - the door of what a node serves over HTTP.
export { openMetricsDoor, type MetricsDoor, type MetricsDoorOptions, type MetricsSource } from './metrics-door.ts';
