import { asc, sql } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { jwks } from '../../db/schema/keys.ts'
import { MAX_ACCESS_TOKEN_SECONDS } from '../../settings/credentials.ts'

export type SigningKeys = ReturnType<typeof createSigningKeys>
export type KeyRow = typeof jwks.$inferSelect
type NewKey = Pick<typeof jwks.$inferInsert, 'publicKey' | 'privateKey' | 'alg' | 'crv'>

/**
 * How long a key is public before it signs. Replicas cache the key set for a minute, HTTP caches for five more, and
 * common libraries for ten. So all verifiers have a key before it signs.
 */
export const LEAD_SECONDS = 15 * 60
/** 60 seconds in which a replica may still sign with a cached key, and 30 seconds of clock leeway of a verifier. */
export const OVERLAP_SECONDS = 60 + 30

/**
 * The creation times of a key and its successor decide when it signs and when it is public. They come from the
 * database's clock, so all replicas agree without messages. The first key signs at once, because there is no other.
 * Public halves are kept, so that an old token can be told from a forged one.
 */
export function createSigningKeys({ db }: { db: Db }) {
  /** All keys with their times, oldest first. */
  async function list(executor: Executor = db) {
    const rows = await executor
      .select({ key: jwks, now: sql`clock_timestamp()`.mapWith(jwks.createdAt) })
      .from(jwks)
      .orderBy(asc(jwks.createdAt), asc(jwks.id))
    return rows.map(({ key, now }, index) => {
      const successor = rows[index + 1]?.key
      const signsFrom = index === 0 ? key.createdAt : addSeconds(key.createdAt, LEAD_SECONDS)
      const signsUntil = successor && addSeconds(successor.createdAt, LEAD_SECONDS)
      // Not the lifetime of the setting, which may have been longer before.
      const publicUntil = signsUntil && addSeconds(signsUntil, MAX_ACCESS_TOKEN_SECONDS + OVERLAP_SECONDS)
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

  /** Adds a key if `isWanted`. A lock makes concurrent calls wait for each other. */
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

    /** If several replicas start at once, one of them adds the first key, and all return that key. */
    async addFirst(values: NewKey) {
      const added = await add(values, (keys) => keys.length === 0)
      const key = added ?? (await list()).find(({ signs }) => signs)?.key
      if (!key) throw new TypeError('There is no signing key')
      return key
    },

    /** Adds a successor of the signing key. Adds none if one is waiting for its lead time. */
    addNext: (values: NewKey) => add(values, (keys) => keys.every(({ signsFrom, now }) => signsFrom <= now)),
  }
}

const addSeconds = (time: Date, seconds: number) => new Date(time.getTime() + seconds * 1000)

/**
 * Whether a key has a private half that can be deleted: its successor was created more than a day ago, which is longer
 * than any access token lives.
 */
export const isPrivateKeyObsolete = sql`${jwks.privateKey} <> '' and exists (select from jwks as successor
  where successor.created_at > ${jwks.createdAt} and successor.created_at < now() - interval '1 day')`
