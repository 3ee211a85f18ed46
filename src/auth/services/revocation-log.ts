import { sql } from 'drizzle-orm'
import type { Revocation } from '../../contract/revocations.ts'
import type { Db } from '../../db/client.ts'
import { secondsAgo, secondsFrom } from '../../db/moments.ts'
import { revocations } from '../../db/schema/sessions.ts'
import { MAX_ACCESS_TOKEN_SECONDS } from '../../settings/credentials.ts'

/** Longer than any access token lives, so that no setting of another replica matters. */
export const KEPT_SECONDS = MAX_ACCESS_TOKEN_SECONDS + 60

/**
 * Enough for 27 revocations a second over an hour, in about 20 MB. Older ones are replaced by one date: all tokens that
 * were issued before it are refused.
 */
export const MAX_REVOCATIONS = 100_000

type Row = {
  next: string
  id: string | null
  xid: string | null
  kind: Revocation['kind']
  subject: string | null
  age: number
}

/**
 * What ended recently, read from the table. A read returns rows that were not read before. It continues from the oldest
 * transaction that was still running at the read before, because transactions do not commit in the order of their ids.
 */
export function createRevocationLog(db: Db) {
  const known = new Map<number, Revocation>()
  /** All known ones as a list, the same until it changes. */
  let list: Revocation[] | undefined
  let nextXid = 0n
  /** All revocations until this moment may have been forgotten. */
  let forgottenUntilMs: number | null = null

  function forgetOld(nowMs: number) {
    for (const { id, atMs } of known.values()) {
      const isExpired = nowMs - atMs > KEPT_SECONDS * 1000
      if (!isExpired && known.size <= MAX_REVOCATIONS) break
      known.delete(id)
      if (!isExpired) forgottenUntilMs = Math.max(forgottenUntilMs ?? atMs, atMs)
    }
  }

  return {
    /** The position from which a reader that has all known revocations continues. */
    position: () => nextXid,

    /** Reads what was committed since the last read. */
    async read(): Promise<Revocation[]> {
      const rows = (await db.execute(sql`
        with snapshot as (select pg_snapshot_xmin(pg_current_snapshot())::text as next)
        select snapshot.next, r.id, r.xid, r.kind, r.subject,
          ${secondsFrom(sql`r.at`, sql`clock_timestamp()`)} as age
        from snapshot left join ${revocations} r on r.xid >= ${String(nextXid)}::bigint
          and r.at > ${secondsAgo(KEPT_SECONDS)}
        order by r.id`)) as unknown as Row[]
      const nowMs = performance.now()
      const added = rows.flatMap(({ id, xid, kind, subject, age }) =>
        id === null || known.has(Number(id))
          ? []
          : [{ id: Number(id), xid: BigInt(xid ?? 0), kind, subject, atMs: nowMs - age * 1000 }],
      )
      for (const revocation of added) known.set(revocation.id, revocation)
      nextXid = BigInt(rows[0]?.next ?? nextXid)
      const size = known.size
      forgetOld(nowMs)
      if (added.length > 0 || known.size < size) list = undefined
      return added
    },

    /** The revocations that a reader at this position has not read. Without a position: all of them. */
    since(position: bigint | null) {
      // A position ahead of this database belongs to another one.
      const from = position !== null && position <= nextXid ? position : 0n
      list ??= [...known.values()]
      const revocations = from === 0n ? list : list.filter(({ xid }) => xid >= from)
      const isForgotten =
        forgottenUntilMs !== null && performance.now() - forgottenUntilMs < KEPT_SECONDS * 1000
      return { revocations, forgottenUntilMs: isForgotten ? forgottenUntilMs : null }
    },
  }
}
