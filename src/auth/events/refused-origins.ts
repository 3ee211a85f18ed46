import type { Client } from '../../contract/caller.ts'
import type { Core } from '../core.ts'
import { record } from './events.ts'

/** A refusal costs nothing, so a flood of them must not fill the database's queue; what is left out is in the request log. */
const MOST_AT_ONCE = 8

/** Keeps an event of each refused origin, as far as may be. */
export function createRefusedOrigins({ db, throttle }: Pick<Core, 'db' | 'throttle'>) {
  let underWay = 0

  return async function noteRefusedOrigin(client: Client) {
    if (underWay >= MOST_AT_ONCE) return
    underWay++
    try {
      if (await throttle.mayRecord('origin_refused', client)) await record(db, 'origin_refused', null, client)
    } finally {
      underWay--
    }
  }
}
