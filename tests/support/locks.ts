import type { Sql } from 'postgres'
import { expect } from 'vitest'

/** Waits until this many statements on the database wait for a lock. */
export const untilWaiting = (sql: Sql, count: number) =>
  expect
    .poll(
      () =>
        sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.then(
          ({ length }) => length,
        ),
      { interval: 5 },
    )
    .toBe(count)
