import type { Settings } from '../compose.ts'
import type { Logger } from '../observe/log.ts'

/** Serves the metrics if there is a METRICS_PORT. Only then is the module imported, to keep other servers small. */
export async function openMetrics(settings: Settings, log: Logger, text?: () => Promise<string>) {
  const { METRICS_HOST, METRICS_PORT } = settings
  if (METRICS_PORT === undefined || !text) return null
  const { serveMetrics } = await import('../observe/metrics-server.ts')
  return serveMetrics({ METRICS_HOST, METRICS_PORT }, text, log)
}
