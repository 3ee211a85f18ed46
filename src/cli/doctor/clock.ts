import type { Probe } from '../../db/probe.ts'
import { bad, good, note } from './verdict.ts'

/** Services that verify access tokens tolerate no larger difference. */
export const MAX_LEEWAY_SECONDS = 30
const MIN_NOTICEABLE_SECONDS = 2

/** Sessions use the clock of the database, access tokens that of the server. */
export function checkClock({ aheadMs }: Probe) {
  const seconds = Math.abs(aheadMs) / 1000
  const direction = aheadMs > 0 ? 'ahead of' : 'behind'
  const summary = `${seconds.toFixed(seconds < 10 ? 2 : 0)} s ${direction} the clock of the database`
  const advice = 'Synchronise both machines with NTP (check with timedatectl or chronyc tracking).'
  if (seconds > MAX_LEEWAY_SECONDS) {
    return bad(`${summary}: access tokens start and expire at the wrong time`, advice)
  }
  return seconds > MIN_NOTICEABLE_SECONDS ? note(summary, advice) : good(summary)
}
