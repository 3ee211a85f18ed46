import { sql } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'

/**
 * Runs a statement for a whole batch. PostgreSQL plans it for the tables as they are now: a plan that it keeps from the
 * beginning of an import, when they were empty, reads whole tables for each batch.
 */
export const inBatch = <Result>(db: Db, run: (executor: Executor) => Promise<Result>) =>
  db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('plan_cache_mode', 'force_custom_plan', true)`)
    return run(tx)
  })
