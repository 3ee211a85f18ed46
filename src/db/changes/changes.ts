import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { CODE } from '../../root.ts'
import { getTimelineMemory } from '../connection/timeline.ts'
import { allocateFeed, createFeedReader, type FeedReader } from './change-feed.ts'
import type { ListenerData, ListenerOrder, ListenerReport } from './change-listener-thread.ts'
import { createSuspensionCheck } from './suspension.ts'

export type Changes = ReturnType<typeof createChanges>

/** How long a proof is valid. Together with the time of a heartbeat it is less than the promised 250 ms. */
export const PROOF_MS = 180
/**
 * How long after the last call of `isCurrent` the thread rests: then it asks the database only when this thread looks at it. No
 * entry of the session cache lives longer than that, so a rest makes no use of an entry slower.
 */
export const REST_AFTER_MS = 60_000
/** How often the thread is looked at, and how many times in a row it may show no sign of life. */
export const WATCH_MS = 1000
const MAX_SILENT_WATCHES = 5
const RETRY_MS = 250
/** How long the thread may take to close its connection. */
const MAX_STOP_MS = 2000

/** Its name in the kernel, which has room for 15 characters. */
export const LISTENER_THREAD = 'change-listener'

type Subscriber = {
  /** The session or the user with this id has changed. */
  onChange: (id: string) => void
  /** Changes may have been missed, so all cache entries are invalid. */
  onGap: () => void
}

/**
 * Reports every change of a session or a user, by the NOTIFY of the database's triggers. A thread of its own listens, so
 * that a busy event loop delays no proof. If the connection or the thread fails, no new proof arrives: `isCurrent` becomes
 * false {@link PROOF_MS} after the last one, and `onLost` is called once.
 *
 * The thread rests until `isCurrent` is called. So the first calls after a rest may return false.
 */
export function createChanges(
  url: string,
  onLost: (fault: unknown) => void = () => {},
  startThread = startListenerThread,
) {
  const subscribers: Subscriber[] = []
  let feed: FeedReader | undefined
  let thread: Worker | undefined
  let isStopped = false
  let isLost = false
  let lastProvenAt = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  let isResting = true
  let watch: NodeJS.Timeout | undefined
  let silentWatches = 0
  let pulses = 0
  const suspension = createSuspensionCheck()
  let resumedAt = Number.NEGATIVE_INFINITY

  /** The time of the last proof, if it was not withdrawn. All changes before it have been processed. */
  function provenAt() {
    const moment = feed?.provenAt() ?? Number.NEGATIVE_INFINITY
    if (moment > lastProvenAt) lastProvenAt = moment
    return moment
  }

  function report(fault: unknown) {
    if (!isLost && !isStopped) onLost(fault)
    isLost = true
  }

  function startOne() {
    if (isStopped) return
    const memory = allocateFeed()
    const started = startThread({ url, memory, timelines: getTimelineMemory(), now: performance.now() })
    started.on('online', synchronize)
    started.on('message', ({ lost }: ListenerReport) => report(asError(lost)))
    started.on('error', report)
    started.once('exit', () => {
      if (thread === started) replace()
    })
    // After the listeners are added, because adding one undoes it.
    started.unref()
    thread = started
    pulses = 0
    silentWatches = 0
    feed = createFeedReader(memory, {
      onChange: (id) => {
        for (const { onChange } of subscribers) onChange(id)
      },
      onGap: () => {
        for (const { onGap } of subscribers) onGap()
      },
    })
  }

  /** The earlier thread may still write, but into memory that is no longer read. */
  function replace() {
    const former = thread
    thread = undefined
    feed = undefined
    void former?.terminate()
    if (isStopped) return
    report(new Error('The listening thread ended'))
    setTimeout(startOne, RETRY_MS).unref()
  }

  /** Sends the clock, and makes the thread ask for a proof immediately. */
  function synchronize() {
    thread?.postMessage({ now: performance.now(), isResting } satisfies ListenerOrder)
  }

  /** After a suspension, earlier proofs and cache entries look younger than they are. */
  function checkSuspension(now: number) {
    if (!suspension.wasSuspended(now)) return
    resumedAt = performance.now()
    for (const { onGap } of subscribers) onGap()
    synchronize()
  }

  // Counted, not timed: after a pause of the whole process, the thread would look silent.
  function checkThread() {
    checkSuspension(performance.now())
    if (!thread || !feed) return
    if (Number.isFinite(provenAt())) isLost = false
    isResting = performance.now() - askedAt > REST_AFTER_MS
    silentWatches = feed.pulses() === pulses ? silentWatches + 1 : 0
    pulses = feed.pulses()
    if (silentWatches > MAX_SILENT_WATCHES) replace()
    else synchronize()
  }

  function isCurrent(now = performance.now()) {
    askedAt = now
    if (isResting) endRest()
    if (suspension.isDue(now)) checkSuspension(now)
    const moment = provenAt()
    return moment > resumedAt && now - moment < PROOF_MS
  }

  function endRest() {
    isResting = false
    synchronize()
  }

  return {
    /** Call it before `start`. */
    subscribe(subscriber: Subscriber) {
      subscribers.push(subscriber)
    },
    start() {
      startOne()
      watch = setInterval(checkThread, WATCH_MS).unref()
    },
    /** Whether all changes that were committed until {@link PROOF_MS} before `now` have been processed. */
    isCurrent,
    /** How old the latest proof is that no change is missing, in milliseconds. */
    ageMs() {
      provenAt()
      return performance.now() - lastProvenAt
    },
    /** @internal Waits until all changes that are committed by now have been processed. */
    async catchUp() {
      // Ends a rest.
      isCurrent()
      // The first proof that arrives may answer an earlier question.
      for (let proofs = 0, last = provenAt(); proofs < 2; ) {
        synchronize()
        await Bun.sleep(1)
        const moment = provenAt()
        if (moment > last) proofs++
        last = moment
      }
    },
    async stop() {
      isStopped = true
      clearInterval(watch)
      const stopping = thread
      if (!stopping) return
      thread = undefined
      feed = undefined
      const { promise: ended, resolve: end } = Promise.withResolvers<void>()
      stopping.once('exit', () => end())
      // Otherwise a process with nothing else to do would end before the thread does.
      stopping.ref()
      stopping.postMessage({ stop: true } satisfies ListenerOrder)
      const killTimer = setTimeout(() => void stopping.terminate().then(() => end()), MAX_STOP_MS)
      await ended
      clearTimeout(killTimer)
    },
  }
}

function startListenerThread(workerData: ListenerData) {
  return new Worker(join(CODE, 'db/changes/change-listener-thread'), { workerData, name: LISTENER_THREAD })
}

/** Restores the name and the code, which an error loses between threads. */
function asError({ name, message, code, stack }: ListenerReport['lost']) {
  return Object.assign(new Error(message), { name, code, ...(stack && { stack }) })
}
