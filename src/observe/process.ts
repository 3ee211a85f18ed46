import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'

/**
 * What the library finds out about a process that is true on Bun, and says something. The lag and the total of the
 * heap have to stay: reading them is what sets their neighbours.
 */
const TRUE_ON_BUN =
  /^(process_cpu_(user_|system_|)seconds_total|process_resident_memory_bytes|process_(open|max)_fds|nodejs_eventloop_lag_((mean|max|p50|p99)_|)seconds|nodejs_heap_size_(total|used)_bytes|nodejs_external_memory_bytes)$/

const LAG_EVERY_MS = 20

/** Memory, processor and event loop, under the names that Prometheus' own clients give them. */
export function registerProcess(registry: Registry) {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
  for (const { name } of registry.getMetricsAsArray()) {
    if (!TRUE_ON_BUN.test(name)) registry.removeSingleMetric(name)
  }
  const startedAt = Date.now() / 1000 - process.uptime()
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, the youngest one where there are several, since the Unix epoch',
    // The library's own says nothing where there are several.
    aggregator: 'max',
    registers: [registry],
  }).set(startedAt)
}
