import { createAuthEndpoint } from 'better-auth/api'
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Passwords } from '../passwords/hashing.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession } from './open-session.ts'

type Credentials = {
  email: string
  password: string
  transport: SessionTransport
  client: Client
  formerId: string | undefined
}

type Parts = { db: Db; openSession: OpenSession; passwords: Passwords; throttle: Throttle }

/** Sign-in with a password, as an endpoint of Better-Auth: `auth.api.signIn`. */
export function signInEndpoint({ db, openSession, passwords, throttle }: Parts) {
  return createAuthEndpoint.serverOnly(
    { method: 'POST', body: z.custom<Credentials>() },
    async ({ body: { email, password, transport, client, formerId }, context }) => {
      // Counting and looking up run at once; hashing waits for both. A refusal takes as long for any address.
      const counted = throttle.countLogin(email, client)
      counted.catch(() => {})

      async function attempt() {
        const found = await context.internalAdapter.findUserByEmail(email)
        const account = found?.user as UserRow | undefined
        await counted
        if (!(await isRight(account)) || !account) throw new AuthError('INVALID_CREDENTIALS')
        const shown = { passwordHash: account.password }
        const session = { operation: 'login', account, shown, transport, client, formerId } as const
        const opened = await openSession(db, session)
        return opened === 'PASSWORD_CHANGED' ? undefined : { user: account, ...opened }
      }

      /** Unknown and disabled accounts cost the same work and are never right. */
      async function isRight(account: UserRow | undefined) {
        const hash = account?.password ?? (await context.password.hash(password))
        const matches = account !== undefined && (await context.password.verify({ hash, password }))
        if (matches && !account.disabledAt) return true
        await passwords.equalizeTiming(hash, password)
        return false
      }

      // Another sign-in may have rehashed the same password meanwhile: one more attempt tells.
      const signedIn = (await attempt()) ?? (await attempt())
      if (!signedIn) throw new AuthError('INVALID_CREDENTIALS')
      const endCount = await counted
      // The session is open: if the rehash fails, the next sign-in tries it again.
      await Promise.all([endCount(), rehash(signedIn.user, password).catch(() => {})])
      return signedIn
    },
  )

  /** Stores a hash with the parameters of today, unless the password has changed meanwhile. */
  async function rehash({ id, password: storedHash }: UserRow, password: string) {
    if (!passwords.isOutdated(storedHash)) return
    const fresh = await passwords.hash(password)
    const isUnchanged = and(eq(users.id, id), eq(users.password, storedHash))
    await db.update(users).set({ password: fresh }).where(isUnchanged)
  }
}
