import { Registry } from 'prom-client'
import { registerProcessMetrics } from './process-metrics.ts'
import { createRequestDurations } from './request-metrics.ts'
import { createServiceMetrics } from './service-metrics.ts'
import { type ObservedParts, registerStateMetrics } from './state-metrics.ts'

/** All metrics of one process. */
export function createMetrics() {
  const registry = new Registry()
  registerProcessMetrics(registry)
  const observe = createRequestDurations(registry)
  const observer = createServiceMetrics(registry)
  return {
    /** To be called at the end of each request. */
    observe,
    /** To be passed to the core, which calls it when something happens. */
    observer,
    /** Adds the metrics that are read from these parts at each scrape. */
    watch: (parts: ObservedParts) => registerStateMetrics(registry, parts),
    /** The page for Prometheus. */
    text: () => registry.metrics(),
    /** The same values as JSON, for the supervisor that adds up its workers. */
    report: () => registry.getMetricsAsJSON(),
  }
}
