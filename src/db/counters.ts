import { sql } from 'drizzle-orm'
import { RateLimiterDrizzle, RateLimiterRes } from 'rate-limiter-flexible'
import type { Db } from './client.ts'
import { secondsUntil } from './moments.ts'
import { throttle } from './schema/throttle.ts'

type Options = { keyPrefix: string; points: number; duration: number; inMemoryBlockOnConsumed?: number }
type Count = { points: number; ms: number }

/**
 * The library's counters on PostgreSQL, shared by all replicas. The library's own statements store the time of the
 * replica, and the clocks of replicas differ. These statements use the clock of the database.
 */
export function createCounters(db: Db) {
  return (options: Options) => new Counter(db, options)
}

/** An operator may let a row never expire, to refuse a network. An answer says when to try again. */
const MAX_SECONDS_LEFT = 365 * 24 * 3600
const msLeft = sql`least(${secondsUntil(throttle.expire)}, ${sql.raw(String(MAX_SECONDS_LEFT))}) * 1000 as ms`

class Counter extends RateLimiterDrizzle {
  readonly #db: Db

  constructor(db: Db, options: Options) {
    // Housekeeping deletes expired counts.
    super({ ...options, storeClient: db, schema: throttle, clearExpiredByTimeout: false })
    this.#db = db
  }

  /** If the library refuses a key from memory, it reports 0 points. This reports the least that was counted. */
  override async consume(key: string | number, points?: number, options?: object) {
    return super.consume(key, points, options).catch((fault: unknown) => {
      const isFromMemory = fault instanceof RateLimiterRes && fault.consumedPoints === 0
      throw isFromMemory ? new RateLimiterRes(0, fault.msBeforeNext, this.points + 2) : fault
    })
  }

  async _upsert(key: string, points: number, msDuration: number, isReset = false) {
    const ends = sql`now() + make_interval(secs => ${msDuration / 1000}::float8)`
    const isOver = isReset ? sql`true` : sql`${throttle.expire} <= now()`
    const [count] = await this.#db.execute<Count>(sql`
      insert into ${throttle} (key, points, expire) values (${key}, ${points}::int, ${ends})
      on conflict (key) do update set
        points = case when ${isOver} then excluded.points else ${throttle.points} + excluded.points end,
        expire = case when ${isOver} then excluded.expire else ${throttle.expire} end
      returning ${throttle.points}, ${msLeft}`)
    return count
  }

  async _get(key: string) {
    const [count] = await this.#db.execute<Count>(sql`
      select ${throttle.points}, ${msLeft} from ${throttle}
      where ${throttle.key} = ${key} and ${throttle.expire} > now()`)
    return count ?? null
  }

  async _delete(key: string) {
    const gone = await this.#db.execute(
      sql`delete from ${throttle} where ${throttle.key} = ${key} returning true`,
    )
    return gone.length > 0
  }

  _getRateLimiterRes(_key: string, changedPoints: number, { points, ms }: Count) {
    const left = Math.max(this.points - points, 0)
    return new RateLimiterRes(left, Math.max(ms, 0), points, points === changedPoints)
  }
}
