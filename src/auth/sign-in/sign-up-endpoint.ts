import { createAuthEndpoint } from 'better-auth/api'
import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Client } from '../../contract/caller.ts'
import type { ProfileColumns, SessionTransport } from '../../contract/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { isReservedForUndo } from '../account/email-change.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSession } from '../sessions/end-session.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession } from './open-session.ts'

type SignUpBody = {
  email: string
  password: string
  profile: ProfileColumns
  transport: SessionTransport
  client: Client
  formerSessionId: string | undefined
}

type Parts = {
  db: Db
  openSession: OpenSession
  outbox: Outbox
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/**
 * Sign-up with a password, as a Better-Auth endpoint: `auth.api.signUp`. If addresses must be verified first, a taken
 * address causes the same steps as a free one, so that neither the answer nor its time reveals it: the owner gets a
 * mail, and the answer contains a decoy user.
 */
export function createSignUpEndpoint({ db, openSession, outbox, throttle, settings }: Parts) {
  const mustVerifyFirst = settings.REQUIRE_EMAIL_VERIFICATION

  return createAuthEndpoint.serverOnly(
    { method: 'POST', body: z.custom<SignUpBody>() },
    async ({ body: { email, password, profile, transport, client, formerSessionId }, context }) => {
      await throttle.countRegistration(client)
      const mayMail = await throttle.mayRequestMail('verificationMailPerAccount', email, client)
      const passwordHash = await context.password.hash(password)

      return db.transaction(async (tx) => {
        const values = { email, password: passwordHash, ...profile }
        const [inserted] = await tx.insert(users).values(values).onConflictDoNothing().returning()
        // Checked after the insert, which waits for a concurrent change of address that frees this one.
        const [isReserved, mayRecordTaken] = await Promise.all([
          isReservedForUndo(tx, email),
          mustVerifyFirst && throttle.mayRecord(inserted ? 'register' : 'register_taken', client),
        ])
        const user = isReserved ? undefined : inserted
        if (!user && !mustVerifyFirst) throw new AuthError('EMAIL_TAKEN')
        const kind = user ? 'email-verification' : 'address-taken'
        // Statements that do not wait for each other share one round trip.
        const [[clock]] = await Promise.all([
          tx.execute<{ now: string }>(sql`select now()`),
          inserted && isReserved && tx.delete(users).where(eq(users.id, inserted.id)),
          user && recordEvent(tx, 'register', user.id, client),
          !user && mayRecordTaken && recordEventByEmail(tx, 'register_taken', email, client),
          mayMail && outbox.add(tx, { kind, recipient: email, ...(user && { userId: user.id }) }),
          mustVerifyFirst && formerSessionId && endSession(tx, formerSessionId),
        ])
        if (mustVerifyFirst || !user)
          return { user: user ?? createDecoyUser(email, profile, clock), opened: null }

        const proof = { passwordHash }
        const session = {
          operation: 'register',
          account: user,
          proof,
          transport,
          client,
          formerSessionId,
        } as const
        const opened = await openSession(tx, session)
        if (opened === 'PASSWORD_CHANGED')
          throw new TypeError('The password of an uncommitted account has changed')
        return { user, opened }
      })
    },
  )
}

/** A user that looks like a new account, with the time of the database. */
function createDecoyUser(email: string, profile: ProfileColumns, clock: { now: string } | undefined): User {
  const now = new Date(clock?.now ?? Date.now())
  const identity = { id: crypto.randomUUID(), email, emailVerified: false, pendingEmail: null }
  return { ...identity, ...profile, createdAt: now, updatedAt: now }
}
