import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client'

/** What one process reports. */
export type Report = MetricObjectWithValues<MetricValue<string>>[]

export type Totals = ReturnType<typeof createTotals>

/**
 * Adds up what several processes report. What one had counted before it died stays in the sums, or
 * every counter would seem to begin anew; of one that does not answer the last report stands.
 */
export function createTotals() {
  const latest = new Map<unknown, Report>()
  let departed: Promise<Report> = Promise.resolve([])
  return {
    take(process: unknown, report: Report) {
      latest.set(process, report)
    },
    forget(process: unknown) {
      const counted = latest.get(process)?.filter(({ type }) => String(type) !== 'gauge')
      latest.delete(process)
      if (counted) departed = departed.then((before) => together([before, counted]).getMetricsAsJSON())
    },
    text: async () => together([await departed, ...latest.values()]).metrics(),
  }
}

const together = (reports: Report[]) => AggregatorRegistry.aggregate(reports)
