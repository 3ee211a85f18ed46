import { createAuthEndpoint } from 'better-auth/api'
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { recordEvent } from '../events/events.ts'
import type { Challenges } from '../factors/challenges.ts'
import type { Passwords } from '../passwords/hashing.ts'
import type { Places } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession } from './open-session.ts'

type SignInBody = {
  email: string
  password: string
  transport: SessionTransport
  client: Client
  formerSessionId: string | undefined
}

type Parts = {
  challenges: Challenges
  db: Db
  openSession: OpenSession
  passwords: Passwords
  places: Places
  throttle: Throttle
}

/** Sign-in with a password, as a Better-Auth endpoint: `auth.api.signIn`. */
export function createSignInEndpoint({ challenges, db, openSession, passwords, places, throttle }: Parts) {
  return createAuthEndpoint.serverOnly(
    { method: 'POST', body: z.custom<SignInBody>() },
    async ({ body: { email, password, transport, client, formerSessionId }, context }) => {
      let onSuccess: (() => Promise<void>) | undefined

      async function attempt() {
        const [match, place] = await Promise.all([
          context.internalAdapter.findUserByEmail(email),
          places.find(email, client),
        ])
        const account = match?.user as UserRow | undefined
        // Counted once, after the same look-ups for every address and before any hashing.
        onSuccess ??= await throttle.countLogin(email, place, client)
        if (!(await isPasswordRight(account)) || !account) throw new AuthError('INVALID_CREDENTIALS')
        const proof = { passwordHash: account.password }
        const session = { operation: 'login', account, proof, transport, client, formerSessionId } as const
        const opened = await openSession(db, session)
        return opened === 'PASSWORD_CHANGED' ? undefined : { user: account, opened }
      }

      /** False for unknown, disabled and locked accounts, after the same work. */
      async function isPasswordRight(account: UserRow | undefined) {
        const hash = account?.password ?? (await context.password.hash(password))
        const matches = account !== undefined && (await context.password.verify({ hash, password }))
        if (matches && !account.disabledAt && !account.passwordLockedAt) return true
        await passwords.equalizeTiming(hash, password)
        return false
      }

      // A concurrent sign-in may have rehashed the same password, so there is a second attempt.
      const attempted = (await attempt()) ?? (await attempt())
      if (!attempted) throw new AuthError('INVALID_CREDENTIALS')
      const { user, opened } = attempted
      // The password was right. If the rehash fails, the next sign-in tries again.
      const [passwordHash] = await Promise.all([
        rehash(user, password).catch(() => user.password),
        onSuccess?.(),
      ])
      if (opened !== 'FACTOR_MISSING') return { user, ...opened }
      await recordEvent(db, 'login_challenged', user.id, client)
      const challenge = await challenges.beginSignIn({ userId: user.id, passwordHash, transport })
      throw new AuthError('SECOND_FACTOR_REQUIRED', { challenge })
    },
  )

  /** Stores a hash with the current parameters, unless the password has changed in the meantime. @returns the stored hash */
  async function rehash({ id, password: storedHash }: UserRow, password: string) {
    if (!passwords.isOutdated(storedHash)) return storedHash
    const fresh = await passwords.hash(password)
    const isUnchanged = and(eq(users.id, id), eq(users.password, storedHash))
    const [updated] = await db
      .update(users)
      .set({ password: fresh })
      .where(isUnchanged)
      .returning({ id: users.id })
    return updated ? fresh : storedHash
  }
}
