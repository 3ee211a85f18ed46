import type { RevocationFeed, RevocationListener } from '../../contract/revocations.ts'
import type { Changes } from '../../db/changes/changes.ts'
import type { Db } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import { createRevocationLog } from './revocation-log.ts'

/** How often the notifications of the database are processed while a service listens. */
const POLL_MS = 20
/** How often a proof is sent. */
export const PROOF_INTERVAL_MS = 250
const RETRY_MS = 100
/** How many connections one service may have. While a connection is replaced, a process of a service has two. */
export const MAX_LISTENERS_PER_SERVICE = 2500

/**
 * Announces revocations to other services. It reads the table of revocations after a NOTIFY, once for all listeners.
 * A proof is sent only if the notifications are complete (`changes.isCurrent`) and everything they announced was sent.
 */
export function createRevocationFeed({
  db,
  changes,
}: {
  db: Db
  changes: Changes
}): RevocationFeed & { size(): number; end(): void } {
  const log = createRevocationLog(db)
  const listeners = new Set<RevocationListener>()
  const sizes = new Map<string, number>()
  let timers: NodeJS.Timeout[] = []
  let isEnded = false
  /** Counts the notifications, and how many of them a completed read covers. */
  let notified = 0
  let covered = -1
  let reading: Promise<void> | undefined

  const touch = () => {
    notified++
  }
  changes.subscribe({
    onChange: touch,
    onGap() {
      log.distrust()
      touch()
    },
  })

  function read() {
    reading ??= readNow().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function readNow() {
    const target = notified
    const { added, skippedUntilMs } = await log.read()
    covered = target
    for (const { onForgotten, onRevocations } of listeners) {
      if (skippedUntilMs !== null) onForgotten(skippedUntilMs)
      if (added.length > 0) onRevocations(added, log.position())
    }
  }

  /** Waits until everything that was notified by now has been sent. @throws if the database does not answer */
  async function catchUp() {
    const target = notified
    while (covered < target) await read()
  }

  async function poll() {
    // Also processes the notifications that have arrived.
    changes.isCurrent()
    if (covered < notified && !reading) await read().catch(() => Bun.sleep(RETRY_MS))
  }

  async function prove() {
    const isCurrent = changes.isCurrent()
    const provenAt = performance.now() - changes.ageMs()
    const isComplete = await catchUp().then(
      () => true,
      () => false,
    )
    for (const { onProof, onSilence } of listeners) {
      if (isCurrent && isComplete) onProof(performance.now() - provenAt)
      else onSilence()
    }
  }

  function startTimers() {
    timers = [setInterval(() => void poll(), POLL_MS), setInterval(() => void prove(), PROOF_INTERVAL_MS)]
  }

  function countIn(serviceId: string, change: 1 | -1) {
    const size = (sizes.get(serviceId) ?? 0) + change
    if (size > MAX_LISTENERS_PER_SERVICE) throw new AuthError('TOO_MANY_REQUESTS', { retryAfter: 10 })
    if (size > 0) sizes.set(serviceId, size)
    else sizes.delete(serviceId)
  }

  function remove(listener: RevocationListener) {
    if (!listeners.delete(listener)) return
    countIn(listener.serviceId, -1)
    if (listeners.size > 0) return
    for (const timer of timers) clearInterval(timer)
    timers = []
    // Nothing reads the table until the next listener, which catches up first.
    notified++
  }

  return {
    /** How many services listen. */
    size: () => listeners.size,

    async listen(listener, position) {
      changes.isCurrent()
      await catchUp()
      if (isEnded) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
      countIn(listener.serviceId, 1)
      const { missed, forgottenUntilMs } = log.since(position)
      if (forgottenUntilMs !== null) listener.onForgotten(forgottenUntilMs)
      listener.onRevocations(missed, log.position())
      if (timers.length === 0) startTimers()
      listeners.add(listener)
      return () => remove(listener)
    },

    /** Ends all streams, so that they do not delay a stop of the server. */
    end() {
      isEnded = true
      for (const listener of [...listeners]) {
        remove(listener)
        listener.onEnd()
      }
    },
  }
}
