import { sql } from 'drizzle-orm'
import type { Revocation } from '../../contract/revocations.ts'
import type { Db } from '../../db/client.ts'
import { secondsAgo, secondsFrom } from '../../db/moments.ts'
import { revocations } from '../../db/schema/sessions.ts'
import {
  createRecentRevocations,
  KEPT_SECONDS,
  MAX_REVOCATIONS,
  nameOf,
  toLists,
} from './recent-revocations.ts'

type Row = {
  next: string
  seen: string
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
  const recent = createRecentRevocations()
  let nextXid = 0n
  /** What the latest read could see, as PostgreSQL writes it. */
  let seen: string | null = null
  /** Counts the calls of `distrust`. */
  let distrusts = 0

  return {
    /**
     * The position from which a reader that has all known revocations continues: a transaction, and the latest revocation.
     * A standby may have known nothing after this revocation. So no later transaction counts as read.
     */
    position() {
      const last = recent.last()
      if (!last) return null
      const xid = last.xid < nextXid ? last.xid + 1n : nextXid
      return `${xid}.${nameOf(last)}`
    },

    /**
     * Reads everything again. Call it when another PostgreSQL may have become the primary: it gives its transactions ids
     * that the former one may have used too, for others that are lost.
     */
    distrust() {
      distrusts++
      nextXid = 0n
      seen = null
    },

    /**
     * Reads what was committed since the last read. After a statement that ends very many sessions, it leaves the older
     * ones out: all revocations until `skippedUntilMs` may be among them.
     */
    async read(): Promise<{ added: Revocation[][]; skippedUntilMs: number | null }> {
      const distrustsBefore = distrusts
      const known = seen === null ? new Set(recent.all().map(nameOf)) : null
      const rows = (await db.execute(sql`
        with snapshot as (
          select pg_snapshot_xmin(pg_current_snapshot())::text as next, pg_current_snapshot()::text as seen
        ),
        -- Materialized, so that the order and the limit do not change how the rows are found.
        missed as materialized (
          select * from ${revocations}
          where xid >= ${String(nextXid)}::bigint and at > ${secondsAgo(KEPT_SECONDS)}
            -- A transaction can stay open for hours. What came after its begin is not read again each time.
            and (${seen}::pg_snapshot is null or (
              not pg_visible_in_snapshot(xid::text::xid8, ${seen}::pg_snapshot)
              -- Of a restored backup, which another server has written.
              and xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint))
        ), newest as (select * from missed order by id desc limit ${MAX_REVOCATIONS + 1}::int)
        select snapshot.next, snapshot.seen, r.id, r.xid, r.kind, r.subject,
          ${secondsFrom(sql`r.at`, sql`clock_timestamp()`)} as age
        from snapshot left join newest as r on true
        order by r.id`)) as unknown as Row[]
      const nowMs = performance.now()
      const found = rows.flatMap(({ id, xid, kind, subject, age }) =>
        id === null
          ? []
          : [{ id: Number(id), xid: BigInt(xid ?? 0), kind, subject, atMs: nowMs - age * 1000 }],
      )
      const added = known ? found.filter((each) => !known.has(nameOf(each))) : found
      // What is not found again is lost, and no position after it is one of this database.
      if (known) recent.clear()
      if (distrusts === distrustsBefore) {
        nextXid = BigInt(rows[0]?.next ?? nextXid)
        seen = rows[0]?.seen ?? seen
      }
      recent.add(found)
      recent.forgetOld(nowMs)
      const isCut = rows.length > MAX_REVOCATIONS
      return { added: toLists(added), skippedUntilMs: isCut ? recent.forgottenUntilMs() : null }
    },

    /** What a reader at this position has not read, in lists. Without a position, or with one of another database: everything. */
    since(position: string | null) {
      const [, xid = '', name = '', id] = /^(\d{1,19})\.((\d{1,19})\.[\da-f-]*)$/.exec(position ?? '') ?? []
      return recent.since({ id: Number(id), name, xid: BigInt(xid) })
    },
  }
}
