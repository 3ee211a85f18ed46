import { createAuthEndpoint } from 'better-auth/api'
import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Client } from '../../contract/caller.ts'
import type { ProfileColumns, SessionTransport } from '../../contract/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Db, Executor } from '../../db/client.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { findReservations, isReservedForUndo } from '../account/email-change.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import { createRandomId } from '../keys/sealed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSession } from '../sessions/end-session.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenedSession, OpenSession } from './open-session.ts'

type SignUpBody = {
  email: string
  password: string
  profile: ProfileColumns
  transport: SessionTransport
  client: Client
  formerSessionId: string | undefined
}

/** `opened` is null if the address must be verified first. */
type SignedUp = { user: User; opened: OpenedSession | null }

type Parts = {
  db: Db
  openSession: OpenSession
  outbox: Outbox
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/**
 * Sign-up with a password, as a Better-Auth endpoint: `auth.api.signUp`. If addresses must be verified first, a taken
 * address causes the same steps as a free one: a mail, a decoy user in the answer, and a registration of its own, which no
 * link activates. So neither the answer nor its time reveals it.
 */
export function createSignUpEndpoint({ db, openSession, outbox, throttle, settings }: Parts) {
  const mustVerifyFirst = settings.REQUIRE_EMAIL_VERIFICATION

  return createAuthEndpoint.serverOnly(
    { method: 'POST', body: z.custom<SignUpBody>() },
    async ({ body: { email, password, profile, transport, client, formerSessionId }, context }) => {
      // Asked before the transaction, which holds a connection.
      const mayRecord = mustVerifyFirst && (await throttle.mayRecord('register', client))
      const account = { password: await context.password.hash(password), ...profile }
      return db.transaction(mustVerifyFirst ? register : registerAndSignIn)

      async function registerAndSignIn(tx: Executor): Promise<SignedUp> {
        const [user] = await tx
          .insert(users)
          .values({ email, ...account })
          .onConflictDoNothing()
          .returning()
        // Checked after the insert, which waits for a concurrent change of address that frees this one.
        if (!user || (await isReservedForUndo(tx, email))) throw new AuthError('EMAIL_TAKEN')
        // Statements that do not wait for each other share one round trip.
        await Promise.all([
          recordEvent(tx, 'register', user.id, client),
          outbox.add(tx, {
            kind: 'email-verification',
            recipient: email,
            userId: user.id,
            client,
            locale: profile.locale,
          }),
        ])
        const proof = { passwordHash: account.password }
        const session = { operation: 'register', account: user, proof } as const
        const opened = await openSession(tx, { ...session, transport, client, formerSessionId })
        if (typeof opened === 'string') throw new TypeError(`No session for a new account: ${opened}`)
        return { user, opened }
      }

      async function register(tx: Executor): Promise<SignedUp> {
        const [inserted] = await tx
          .insert(users)
          .values({ email, ...account })
          .onConflictDoNothing()
          .returning()
        const [[reservation], [present]] = await Promise.all([
          findReservations(tx, [email]),
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
          registration &&
            tx.insert(registrations).values({ ...registration, password: account.password, profile }),
          inserted && isOpen && recordEvent(tx, 'register', inserted.id, client),
          !inserted && mayRecord && recordEventByEmail(tx, 'register_taken', email, client),
          outbox.add(tx, { ...mail, recipient: email, client, locale: profile.locale }),
          formerSessionId && endSession(tx, formerSessionId),
        ])
        const user = inserted && isOpen ? inserted : createDecoyUser(email, profile, clock)
        return { user, opened: null }
      }
    },
  )
}

/** A user that looks like a new account, with the time of the database. */
function createDecoyUser(email: string, profile: ProfileColumns, clock: { now: string } | undefined): User {
  const now = new Date(clock?.now ?? Date.now())
  const identity = { id: crypto.randomUUID(), email, emailVerified: false, pendingEmail: null }
  return { ...identity, ...profile, roles: [], createdAt: now, updatedAt: now }
}
