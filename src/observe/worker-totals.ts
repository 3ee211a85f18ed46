import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client'

/** The metrics of one worker process. */
export type Report = MetricObjectWithValues<MetricValue<string>>[]

export type WorkerTotals = ReturnType<typeof createWorkerTotals>

/**
 * Adds up the metrics of all worker processes. The counts of a dead worker stay in the sums, because counters must
 * never go down. If a worker does not answer, its last report counts.
 */
export function createWorkerTotals() {
  const latest = new Map<unknown, Report>()
  let departed: Promise<Report> = Promise.resolve([])
  return {
    add(worker: unknown, report: Report) {
      latest.set(worker, report)
    },
    /** Keeps the counters of a dead worker and drops its gauges. */
    retire(worker: unknown) {
      const counted = latest.get(worker)?.filter(({ type }) => String(type) !== 'gauge')
      latest.delete(worker)
      if (counted) departed = departed.then((before) => aggregate([before, counted]).getMetricsAsJSON())
    },
    text: async () => aggregate([await departed, ...latest.values()]).metrics(),
  }
}

const aggregate = (reports: Report[]) => AggregatorRegistry.aggregate(reports)
