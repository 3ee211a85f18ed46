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

/**
 * How many of them are one list. A full list does not change any more, so all readers share it, and the text that is made
 * of it.
 */
const LIST_LENGTH = 500

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
  let lists: Revocation[][] = []
  let size = 0
  let nextXid = 0n
  /** What the latest read could see, as PostgreSQL writes it. */
  let seen: string | null = null
  /** Counts the calls of `distrust`. */
  let distrusts = 0
  /** All revocations until this moment may have been forgotten. */
  let forgottenUntilMs: number | null = null

  function keep(added: Revocation[]) {
    if (added.length === 0) return
    const last = lists.at(-1) ?? []
    const isFull = last.length === LIST_LENGTH
    const newLists = toLists(isFull ? added : [...last, ...added])
    lists = [...(isFull ? lists : lists.slice(0, -1)), ...newLists]
    size += added.length
  }

  function forgetOld(nowMs: number) {
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
  }

  return {
    /**
     * The position from which a reader that has all known revocations continues: a transaction, and the latest revocation.
     * A standby may have known nothing after this revocation. So no later transaction counts as read.
     */
    position() {
      const last = lists.at(-1)?.at(-1)
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
      const known = seen === null ? new Set(lists.flat().map(nameOf)) : null
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
      if (known) {
        // What is not found again is lost, and no position after it is one of this database.
        lists = []
        size = 0
      }
      if (distrusts === distrustsBefore) {
        nextXid = BigInt(rows[0]?.next ?? nextXid)
        seen = rows[0]?.seen ?? seen
      }
      keep(found)
      forgetOld(nowMs)
      const isCut = rows.length > MAX_REVOCATIONS
      return { added: toLists(added), skippedUntilMs: isCut ? forgottenUntilMs : null }
    },

    /** What a reader at this position has not read, in lists. Without a position, or with one of another database: everything. */
    since(position: string | null) {
      const [, xid = '', name, id] = /^(\d{1,19})\.((\d{1,19})\.[\da-f-]*)$/.exec(position ?? '') ?? []
      const isLast = (each: Revocation) => each.id === Number(id) && nameOf(each) === name
      const from = lists.some((list) => list.some(isLast)) ? BigInt(xid) : 0n
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
const nameOf = ({ id, subject }: Revocation) => `${id}.${subject ?? ''}`

function toLists(revocations: Revocation[]): Revocation[][] {
  const lists: Revocation[][] = []
  for (let start = 0; start < revocations.length; start += LIST_LENGTH) {
    lists.push(revocations.slice(start, start + LIST_LENGTH))
  }
  return lists
}
