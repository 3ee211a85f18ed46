import type { Histogram, MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client'

type Labels = Record<string, string>
type Options = { name: string; help: string; bounds: readonly number[]; registry: Registry }

/**
 * A histogram for values observed thousands of times a second. prom-client's own creates objects and a string for
 * each observation and takes ten times as long. This one adds to three numbers and converts them at a scrape.
 */
export function createHistogram({ name, help, bounds, registry }: Options) {
  const readers: (() => MetricValueWithName<string>[])[] = []

  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: readers.flatMap((read) => read()),
    }),
  } as unknown as MetricObjectWithValues<MetricValueWithName<string>> & Histogram
  registry.registerMetric(metric)

  /** @returns the function that observes a value with these labels. Create it once for each set of labels. */
  return function createSeries(labels: Labels) {
    const counts = new Float64Array(bounds.length + 1)
    let sum = 0

    readers.push(() => {
      const values: MetricValueWithName<string>[] = []
      let cumulative = 0
      for (const [index, count] of counts.entries()) {
        cumulative += count
        const le = bounds[index] ?? '+Inf'
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: cumulative })
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum })
      values.push({ metricName: `${name}_count`, labels, value: cumulative })
      return values
    })

    return function observe(value: number) {
      let index = 0
      while (index < bounds.length && value > (bounds[index] as number)) index++
      counts[index] = (counts[index] as number) + 1
      sum += value
    }
  }
}
