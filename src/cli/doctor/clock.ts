import type { Probe } from '../../db/probe.ts'
import { bad, good, note } from './verdict.ts'

/** Whoever verifies access tokens forgives at most this much. */
const LEEWAY_SECONDS = 30
const NOTICEABLE_SECONDS = 2

/** Sessions go by the database's clock, access tokens by the server's. */
export function checkClock({ aheadMs }: Probe) {
  const seconds = Math.abs(aheadMs) / 1000
  const says = `${seconds.toFixed(seconds < 10 ? 2 : 0)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the database's`
  const wayOut = 'Let both machines follow the time by NTP (timedatectl, chronyc tracking).'
  if (seconds > LEEWAY_SECONDS) return bad(`${says}: access tokens begin or end at the wrong time`, wayOut)
  return seconds > NOTICEABLE_SECONDS ? note(says, wayOut) : good(says)
}
