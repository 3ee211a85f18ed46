import { Registry } from 'prom-client'
import { createHappenings } from './happenings.ts'
import { registerProcess } from './process.ts'
import { createRequestDurations } from './requests.ts'
import { registerState, type Watched } from './state.ts'

/** The numbers of one process. */
export function createMetrics() {
  const registry = new Registry()
  registerProcess(registry)
  const observe = createRequestDurations(registry)
  const observer = createHappenings(registry)
  return {
    /** To be told of each request at its end. */
    observe,
    /** To be told what happens in the service. */
    observer,
    /** The parts to read from, once they are there. */
    watch: (parts: Watched) => registerState(registry, parts),
    text: () => registry.metrics(),
    /** The same as a value, for a supervisor that adds up. */
    report: () => registry.getMetricsAsJSON(),
  }
}
