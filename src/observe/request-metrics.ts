import type { Registry } from 'prom-client'
import { createHistogram } from './histogram.ts'

/** From a cached `me` to a call that waited for every deadline. 0.2 is the limit promised for `me`. */
const DURATION_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5]

/** A finished request. All three are names of Servauth and never text of the client, so their number is limited. */
type ObservedRequest = { operation: string; adapter: string; code: string }

export type ObserveRequest = (request: ObservedRequest, ms: number) => void

type ObserveSeconds = (seconds: number) => void

/** Measures how long requests take, by operation, adapter and code. */
export function createRequestDurations(registry: Registry): ObserveRequest {
  const createSeries = createHistogram({
    name: 'servauth_request_duration_seconds',
    help: 'How long requests took, by operation, adapter (the label door) and code (OK, or the code of the error)',
    bounds: DURATION_BUCKETS_SECONDS,
    registry,
  })
  const operationsByAdapter = new Map<string, Map<string, Map<string, ObserveSeconds>>>()

  // Runs once for each request, so it looks the series up without building a key.
  return function observe({ operation, adapter, code }, ms) {
    let operations = operationsByAdapter.get(adapter)
    if (!operations) {
      operations = new Map()
      operationsByAdapter.set(adapter, operations)
    }
    let codes = operations.get(operation)
    if (!codes) {
      codes = new Map()
      operations.set(operation, codes)
    }
    let observeSeconds = codes.get(code)
    if (!observeSeconds) {
      // The label keeps its first name, `door`: dashboards and alerts of operators depend on it.
      observeSeconds = createSeries({ operation, door: adapter, code })
      codes.set(code, observeSeconds)
    }
    observeSeconds(ms / 1000)
  }
}
