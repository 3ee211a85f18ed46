import { and, eq, inArray, or } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import type { UserRow } from '../../db/schema/users.ts'
import type { Places } from '../throttle/places.ts'

/**
 * Ends the registrations of an address that came from the same network or browser as its verification. No link activates
 * the others any more, but their passwords are refused as before, as those of a taken address are. Otherwise a stranger
 * who registers an address would see when its owner verifies it. Call it before the pending mails end.
 * @param activated the hash of the registration that becomes the account
 */
export async function endRegistrationsFromHere(
  tx: Executor,
  places: Places,
  { id, email }: UserRow,
  client: Client,
  activated?: string,
) {
  const { network, device } = places.toPlaces(client)
  const isFromHere = or(eq(mailOutbox.network, network), device ? eq(mailOutbox.device, device) : undefined)
  const mails = tx
    .select({ id: mailOutbox.id })
    .from(mailOutbox)
    .where(and(eq(mailOutbox.recipient, email), isFromHere))
  const isOwn = or(
    inArray(registrations.id, mails),
    activated ? eq(registrations.password, activated) : undefined,
  )
  await tx.delete(registrations).where(and(eq(registrations.userId, id), isOwn))
}
