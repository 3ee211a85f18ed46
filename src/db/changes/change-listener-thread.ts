import { parentPort, workerData } from 'node:worker_threads'
import { shareTimelineMemory } from '../connection/timeline.ts'
import { createFeedWriter } from './change-feed.ts'
import { createChangeListener } from './change-listener.ts'

/** `now` is the time of the main thread's clock. */
export type ListenerData = {
  url: string
  memory: SharedArrayBuffer
  timelines: SharedArrayBuffer
  now: number
}
export type ListenerOrder = { now: number; isResting: boolean } | { stop: true }
export type ListenerReport = {
  lost: { name: string; message: string; code?: unknown; stack?: string | undefined }
}

const PULSE_MS = 500

// Loading the code has left most of the garbage that this thread ever makes.
Bun.gc(true)

const { url, memory, timelines, now } = workerData as ListenerData
shareTimelineMemory(timelines)
const feed = createFeedWriter(memory)

// The clocks of two threads have different origins. A time that was sent is never ahead when it arrives, so the largest
// difference is the closest, and no proof looks younger than it is.
let ahead = now - performance.now()

const listener = createChangeListener({
  url,
  feed,
  now: () => performance.now() + ahead,
  onLost(fault) {
    const { name, message, code, stack } = fault as Error & { code?: unknown }
    parentPort?.postMessage({ lost: { name, message, code, stack } } satisfies ListenerReport)
  },
})

parentPort?.on('message', (order: ListenerOrder) => {
  if ('stop' in order) return listener.stop()
  ahead = Math.max(ahead, order.now - performance.now())
  listener.ask(order.isResting)
})
setInterval(feed.pulse, PULSE_MS)
await listener.run()
process.exit(0)
