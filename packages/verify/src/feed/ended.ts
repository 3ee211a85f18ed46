import type { StreamEvent } from './event-stream.ts'

/** Longer than any access token lives. */
const KEPT_MS = 3_660_000
const SWEEP_MS = 60_000

type Claims = { sid: string; sub: string; iat: number }

/** What has ended, by the feed. */
export function createEnded(onEnd: (isEnded: (claims: Claims) => boolean) => void) {
  const sessions = new Map<string, number>()
  const users = new Map<string, { before: number; heardAt: number }>()
  let allBefore = 0
  let sweptAt = performance.now()

  function sweep(now: number) {
    sweptAt = now
    // In the order of arrival, so the first that is young enough ends the search.
    for (const [sid, heardAt] of sessions) {
      if (now - heardAt < KEPT_MS) break
      sessions.delete(sid)
    }
    for (const [sub, { heardAt }] of users) if (now - heardAt > KEPT_MS) users.delete(sub)
  }

  return {
    /** Takes in an event. @returns whether it is one of these */
    take({ name, data }: StreamEvent) {
      const now = performance.now()
      if (now - sweptAt > SWEEP_MS) sweep(now)
      if (name === 'ended') {
        const sid = String(data.sid)
        sessions.delete(sid)
        sessions.set(sid, now)
        onEnd((claims) => claims.sid === sid)
      } else if (name === 'changed') {
        const sub = String(data.sub)
        const before = Math.max(Number(data.before), users.get(sub)?.before ?? 0)
        users.set(sub, { before, heardAt: now })
        onEnd((claims) => claims.sub === sub && claims.iat <= before)
      } else if (name === 'all') {
        const before = Math.max(Number(data.before), allBefore)
        allBefore = before
        onEnd((claims) => claims.iat <= before)
      } else return false
      return true
    },

    /** Why a token is refused that has not expired. `iat` is in whole seconds, so the second of the change counts. */
    reasonFor({ sid, sub, iat }: Claims): 'REVOKED' | 'EXPIRED' | undefined {
      if (sessions.has(sid)) return 'REVOKED'
      if (iat <= allBefore) return 'EXPIRED'
      const changed = users.get(sub)
      return changed && iat <= changed.before ? 'EXPIRED' : undefined
    },
  }
}
