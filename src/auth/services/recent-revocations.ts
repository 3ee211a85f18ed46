import type { Revocation } from '../../contract/revocations.ts'
import { MAX_ACCESS_TOKEN_SECONDS } from '../../settings/credentials.ts'

/** Longer than any access token lives, so that no setting of another replica matters. */
export const KEPT_SECONDS = MAX_ACCESS_TOKEN_SECONDS + 60

/**
 * Enough for 27 revocations a second over an hour, in about 20 MB. Older ones are replaced by one date: all tokens that
 * were issued before it are refused.
 */
export const MAX_REVOCATIONS = 100_000

/**
 * How many of them are one list. A full list does not change any more, so all readers share it, and the text that is made
 * of it.
 */
const LIST_LENGTH = 500

/** The revocations that a token may still be refused for, in lists, the oldest first. */
export function createRecentRevocations() {
  let lists: Revocation[][] = []
  let size = 0
  /** All revocations until this moment may have been forgotten. */
  let forgottenUntilMs: number | null = null

  return {
    all: () => lists.flat(),
    last: () => lists.at(-1)?.at(-1),
    forgottenUntilMs: () => forgottenUntilMs,

    add(added: Revocation[]) {
      if (added.length === 0) return
      const last = lists.at(-1) ?? []
      const isFull = last.length === LIST_LENGTH
      const newLists = toLists(isFull ? added : [...last, ...added])
      lists = [...(isFull ? lists : lists.slice(0, -1)), ...newLists]
      size += added.length
    },

    clear() {
      lists = []
      size = 0
    },

    forgetOld(nowMs: number) {
      for (let oldest = lists[0]; oldest; oldest = lists[0]) {
        const isExpired = oldest.every(({ atMs }) => nowMs - atMs > KEPT_SECONDS * 1000)
        if (!isExpired && size <= MAX_REVOCATIONS) break
        lists = lists.slice(1)
        size -= oldest.length
        if (!isExpired)
          forgottenUntilMs = Math.max(
            forgottenUntilMs ?? Number.NEGATIVE_INFINITY,
            ...oldest.map(({ atMs }) => atMs),
          )
      }
    },

    /** What a reader that has this revocation, and all of earlier transactions, has not read. Everything, if it is unknown. */
    since({ id, name, xid }: { id: number; name: string; xid: bigint }) {
      const isLast = (each: Revocation) => each.id === id && nameOf(each) === name
      const from = lists.some((list) => list.some(isLast)) ? xid : 0n
      const isMissed = ({ xid }: Revocation) => xid >= from
      const missed = lists.filter((list) => list.some(isMissed))
      // Only one list is made for this reader. Of the others, it gets some revocations twice.
      const [first] = missed
      if (first && !first.every(isMissed)) missed[0] = first.filter(isMissed)
      const isForgotten =
        forgottenUntilMs !== null && performance.now() - forgottenUntilMs < KEPT_SECONDS * 1000
      return { missed, forgottenUntilMs: isForgotten ? forgottenUntilMs : null }
    },
  }
}

/** Another PostgreSQL can give an id again, but not to the same session or user. */
export const nameOf = ({ id, subject }: Revocation) => `${id}.${subject ?? ''}`

export function toLists(revocations: Revocation[]): Revocation[][] {
  const lists: Revocation[][] = []
  for (let start = 0; start < revocations.length; start += LIST_LENGTH) {
    lists.push(revocations.slice(start, start + LIST_LENGTH))
  }
  return lists
}
