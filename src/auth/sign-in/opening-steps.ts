import { type SQL, sql } from 'drizzle-orm'
import { EVENT_PARAMETERS, selectEvent } from '../events/events.ts'
import type { EventKind } from '../events/kinds.ts'

/** What the statement that opens sessions does for a kind of proof. Parts of its `with` list lack their closing parentheses. */
export type Steps = {
  /** Reads and locks the account, or inserts it: `account`. Evaluates `isTurn` before that. */
  account: (isTurn: SQL) => SQL
  /** Further parts, which use up what was proven. */
  useUp: SQL
  /** The condition on `account` under which the session opens. */
  isProven: SQL
  /** Further parts, which follow from the session: `opened`. */
  followUp: SQL
}

export type StepsOptions = { needsVerification: boolean; canMail: boolean; mailsSignIns: boolean }

export const param = (name: string) => sql.placeholder(name)

/** The places of the client; the device is null if it cannot come back. */
export const [network, device] = [param('networkPlace'), param('devicePlace')]

/** An event about the user of a part. */
export const event = (kind: EventKind) => selectEvent(kind, sql`user_id`, EVENT_PARAMETERS)
