import type { Probe } from '../../db/probe.ts'
import { CLOCK_ADVICE, describeClock, findClockFault } from '../../db/requirements/clock.ts'
import { bad, good, note } from './verdict.ts'

const MIN_NOTICEABLE_MS = 2000

export function checkClock({ aheadMs }: Probe) {
  const fault = findClockFault(aheadMs)
  if (fault) return bad(fault, CLOCK_ADVICE)
  const summary = describeClock(aheadMs)
  return Math.abs(aheadMs) > MIN_NOTICEABLE_MS ? note(summary, CLOCK_ADVICE) : good(summary)
}
