import type { Registry } from 'prom-client'
import { createHistogram } from './histogram.ts'

/** From a remembered `me` to a call that waited for everything; 0.2 is the promise for `me`. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5]

type Observed = { operation: string; adapter: 'graphql' | 'rest'; code: string }
type ByCode = Map<string, (seconds: number) => void>

/** How long requests took, by operation, door and code: all three are words of ours, so their number is bounded. */
export function createRequestDurations(registry: Registry) {
  const series = createHistogram({
    name: 'servauth_request_duration_seconds',
    help: 'How long requests took, by operation of the contract, door, and code (OK, or that of the refusal)',
    bounds: SECONDS,
    registry,
  })
  const adapters = { rest: new Map<string, ByCode>(), graphql: new Map<string, ByCode>() }

  /** Runs at the end of each request, so it reuses the objects that it has created before. */
  return function observe({ operation, adapter, code }: Observed, ms: number) {
    let codes = adapters[adapter].get(operation)
    if (!codes) {
      codes = new Map()
      adapters[adapter].set(operation, codes)
    }
    let add = codes.get(code)
    if (!add) {
      add = series({ operation, door: adapter, code })
      codes.set(code, add)
    }
    add(ms / 1000)
  }
}
