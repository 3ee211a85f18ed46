import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'

/**
 * The default metrics of prom-client that are correct and useful on Bun. Keep the plain lag and the total heap
 * size: reading these two is what updates the metrics next to them.
 */
const CORRECT_ON_BUN =
  /^(process_cpu_(user_|system_|)seconds_total|process_resident_memory_bytes|process_(open|max)_fds|nodejs_eventloop_lag_((mean|max|p50|p99)_|)seconds|nodejs_heap_size_(total|used)_bytes|nodejs_external_memory_bytes)$/

const LAG_SAMPLE_MS = 20

/** Memory, processor time and event loop lag, under the names that other Prometheus clients use too. */
export function registerProcessMetrics(registry: Registry) {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS })
  for (const { name } of registry.getMetricsAsArray()) {
    if (!CORRECT_ON_BUN.test(name)) registry.removeSingleMetric(name)
  }
  const startedAtSeconds = Date.now() / 1000 - process.uptime()
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process since the Unix epoch; of the newest process if there are several',
    // Replaces the default metric, which is left out when several processes are added up.
    aggregator: 'max',
    registers: [registry],
  }).set(startedAtSeconds)
}
