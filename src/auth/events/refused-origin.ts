import type { Client } from '../../contract/caller.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from './events.ts'

/** Requests from a refused origin cost an attacker nothing. A flood must not fill the queue of the database. */
const MAX_CONCURRENT_RECORDS = 8

/** Records refused origins. Above the limits it records none; the request log still has them. */
export function createRefusedOriginRecorder({ db, throttle }: Pick<Dependencies, 'db' | 'throttle'>) {
  let running = 0

  return async function recordRefusedOrigin(client: Client) {
    if (running >= MAX_CONCURRENT_RECORDS) return
    running++
    try {
      if (await throttle.mayRecord('origin_refused', client)) {
        await recordEvent(db, 'origin_refused', null, client)
      }
    } finally {
      running--
    }
  }
}
