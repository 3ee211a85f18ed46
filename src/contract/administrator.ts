import type { Executor } from '../db/client.ts'
import { type Client, NO_CLIENT } from './caller.ts'

/** Who acts in an operation of administration: a user, or a service with its key. */
export type Administrator = {
  userId: string | null
  /** Null for a user. */
  serviceKey: { id: string; name: string } | null
  holds(permission: string): boolean
  /**
   * Reads again what the administrator may do. A change calls it in its transaction after it has waited for a hash or a lock.
   * @throws `UNAUTHENTICATED` or `FORBIDDEN` if it may not do this any more
   */
  assertCurrent(tx: Executor): Promise<void>
}

/** An act of administration: its administrator, and the client that it comes from. The event of a change has both. */
export type Act = { administrator: Administrator; client: Client }

/** A command that an operator runs on the server. It may do everything. */
export const BY_OPERATOR: Act = {
  administrator: { userId: null, serviceKey: null, holds: () => true, assertCurrent: async () => {} },
  client: NO_CLIENT,
}
