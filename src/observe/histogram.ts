import type { Histogram, MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client'

type Labels = Record<string, string>
type Options = { name: string; help: string; bounds: readonly number[]; registry: Registry }

/**
 * A histogram for what happens many thousand times a second. The library's own makes objects and a text at each
 * observation, which costs ten times as much; this one adds to three numbers, and speaks the library's form
 * when it is read.
 */
export function createHistogram({ name, help, bounds, registry }: Options) {
  const all: (() => MetricValueWithName<string>[])[] = []

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
      values: all.flatMap((read) => read()),
    }),
  } as unknown as MetricObjectWithValues<MetricValueWithName<string>> & Histogram
  registry.registerMetric(metric)

  /** @returns what is told of each observation with these labels; to be asked for once and kept */
  return function series(labels: Labels) {
    const counts = new Float64Array(bounds.length + 1)
    let sum = 0

    all.push(() => {
      const values: MetricValueWithName<string>[] = []
      let upTo = 0
      for (const [index, count] of counts.entries()) {
        upTo += count
        const le = bounds[index] ?? '+Inf'
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo })
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum })
      values.push({ metricName: `${name}_count`, labels, value: upTo })
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
