import type { Sql } from 'postgres'

/** Services that verify access tokens tolerate no larger difference. */
export const MAX_LEEWAY_SECONDS = 30

export const CLOCK_ADVICE = 'Synchronise both machines with NTP (check with timedatectl or chronyc tracking).'

/** How far the clock of this machine is ahead of that of the database, and how long the answer took. */
export async function measureClock(sql: Sql) {
  const sentAt = Date.now()
  const began = performance.now()
  const [row] = await sql`select extract(epoch from pg_catalog.clock_timestamp()) * 1000 as now`
  const tookMs = performance.now() - began
  return { tookMs, aheadMs: sentAt + tookMs / 2 - Number(row?.now) }
}

export function describeClock(aheadMs: number) {
  const seconds = Math.abs(aheadMs) / 1000
  const direction = aheadMs > 0 ? 'ahead of' : 'behind'
  return `${seconds.toFixed(seconds < 10 ? 2 : 0)} s ${direction} the clock of the database`
}

/** Sessions use the clock of the database, access tokens that of the server. */
export function findClockFault(aheadMs: number) {
  const isWrong = Math.abs(aheadMs) > MAX_LEEWAY_SECONDS * 1000
  return isWrong ? `${describeClock(aheadMs)}: access tokens start and expire at the wrong time` : undefined
}
