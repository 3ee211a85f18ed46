import { asc, sql } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { jwks } from '../../db/schema.ts'

export type SigningKeys = ReturnType<typeof createSigningKeys>
export type KeyRow = typeof jwks.$inferSelect
type NewKey = Pick<typeof jwks.$inferInsert, 'publicKey' | 'privateKey' | 'alg' | 'crv'>

/**
 * How long a key is public before it signs. A replica serves a key set up to a minute old, whoever follows
 * `max-age` keeps that for five more, and common libraries for ten: in a quarter of an hour all have it.
 */
const LEAD_SECONDS = 15 * 60
/** How long a replica may go on signing with the key that it has in memory, and the leeway of whoever verifies. */
const OVERLAP_SECONDS = 60 + 30

/**
 * The life of a key follows from when it and its successor were made, by the database's clock, so that all
 * replicas agree and none has to be told: public at once, signing after the lead, public for one token's life
 * after its successor signs. Its public half is known for good, to tell an old token from a forged one.
 * The first key signs at once, since there is no other.
 */
export function createSigningKeys({ db, settings }: { db: Db; settings: { ACCESS_TOKEN_SECONDS: number } }) {
  /** Oldest first, each with its times. */
  async function list(executor: Executor = db) {
    const rows = await executor
      .select({ key: jwks, now: sql`clock_timestamp()`.mapWith(jwks.createdAt) })
      .from(jwks)
      .orderBy(asc(jwks.createdAt), asc(jwks.id))
    return rows.map(({ key, now }, index) => {
      const successor = rows[index + 1]?.key
      const signsFrom = index === 0 ? key.createdAt : after(key.createdAt, LEAD_SECONDS)
      const signsUntil = successor && after(successor.createdAt, LEAD_SECONDS)
      const publicUntil = signsUntil && after(signsUntil, OVERLAP_SECONDS + settings.ACCESS_TOKEN_SECONDS)
      return {
        key,
        now,
        signsFrom,
        publicUntil,
        signs: signsFrom <= now && !(signsUntil && signsUntil <= now),
        retired: publicUntil !== undefined && publicUntil <= now,
      }
    })
  }

  /** Makes a key where `isWanted`, which one process at a time may ask. */
  async function add(values: NewKey, isWanted: (keys: Awaited<ReturnType<typeof list>>) => boolean) {
    return db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.signingKey})`)
      if (!isWanted(await list(tx))) return undefined
      const [key] = await tx
        .insert(jwks)
        .values({ ...values, createdAt: sql`clock_timestamp()` })
        .returning()
      return key
    })
  }

  return {
    list,

    /** The first key; of any number of replicas at their first start one makes it, and all get that one. */
    async addFirst(values: NewKey) {
      const made = await add(values, (keys) => keys.length === 0)
      const key = made ?? (await list()).find(({ signs }) => signs)?.key
      if (!key) throw new TypeError('There is no signing key')
      return key
    },

    /** The successor of the key that signs, unless one is on its way already. */
    addNext: (values: NewKey) => add(values, (keys) => keys.every(({ signsFrom, now }) => signsFrom <= now)),
  }
}

const after = (time: Date, seconds: number) => new Date(time.getTime() + seconds * 1000)

/**
 * Whether a key has not signed for about a day, longer than any token lives, and still has its private half.
 * The public half stays.
 */
export const isSpent = sql`${jwks.privateKey} <> '' and exists (select from jwks as successor
  where successor.created_at > ${jwks.createdAt} and successor.created_at < now() - interval '1 day')`
