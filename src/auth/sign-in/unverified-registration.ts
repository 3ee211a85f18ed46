import { eq, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { ProfileColumns } from '../../contract/fields.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Executor } from '../../db/client.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import { findReservation } from '../account/taken-addresses.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSession } from '../sessions/end-session.ts'

type UnverifiedRegistration = {
  email: string
  passwordHash: string
  profile: ProfileColumns
  client: Client
  formerSessionId: string | undefined
  /** Whether a taken address may get an event. */
  mayRecord: boolean
}

/**
 * Registers an address that must be verified first. A taken address causes the same steps as a free one: a mail, a decoy user
 * in the answer, and a registration of its own, which no link activates. So neither the answer nor its time reveals it.
 */
export async function registerUnverified(
  tx: Executor,
  { email, passwordHash, profile, client, formerSessionId, mayRecord }: UnverifiedRegistration,
  outbox: Outbox,
): Promise<User> {
  if (formerSessionId) await lockBoth(tx, email, formerSessionId)
  const [inserted] = await tx
    .insert(users)
    .values({ email, password: passwordHash, ...profile })
    .onConflictDoNothing()
    .returning()
  const [reservation, [present]] = await Promise.all([
    findReservation(tx, email),
    tx.select().from(users).where(eq(users.email, email)).for('no key update'),
  ])
  const isOpen = present && !present.emailVerified && !present.disabledAt && !reservation
  const userId = reservation?.userId ?? present?.id
  const registration = userId && { id: createRandomId(), userId }
  const mail =
    registration && isOpen
      ? ({ kind: 'email-verification', ...registration } as const)
      : ({ kind: 'address-taken' } as const)
  const [[clock]] = await Promise.all([
    tx.execute<{ now: string }>(sql`select now()`),
    inserted && reservation && tx.delete(users).where(eq(users.id, inserted.id)),
    registration && tx.insert(registrations).values({ ...registration, password: passwordHash, profile }),
    inserted && isOpen && recordEvent(tx, 'register', inserted.id, client),
    !inserted && mayRecord && recordEventByEmail(tx, 'register_taken', email, client),
    outbox.add(tx, { ...mail, recipient: email, client, locale: profile.locale }),
    formerSessionId && endSession(tx, formerSessionId),
  ])
  return inserted && isOpen ? inserted : createDecoyUser(email, profile, clock)
}

/** Locks the account of the address and that of the former session in the order of all sign-ins, or they could deadlock. */
const lockBoth = (tx: Executor, email: string, formerSessionId: string) =>
  tx.execute(sql`
    select from ${users}
    where email = ${email} or id = (select user_id from ${sessions} where id = ${formerSessionId}::uuid)
    order by id for no key update`)

/** A user that looks like a new account, with the time of the database. */
function createDecoyUser(email: string, profile: ProfileColumns, clock: { now: string } | undefined): User {
  return toNewUser({ id: crypto.randomUUID(), email }, profile, new Date(clock?.now ?? Date.now()))
}

/** A user as the database inserts it. */
export const toNewUser = (
  identity: Pick<User, 'id' | 'email'>,
  profile: ProfileColumns,
  now: Time,
): User => ({
  ...identity,
  emailVerified: false,
  pendingEmail: null,
  ...profile,
  roles: [],
  createdAt: now,
  updatedAt: now,
})
