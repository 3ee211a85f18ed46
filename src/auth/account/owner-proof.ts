import { eq } from 'drizzle-orm'
import { type Caller, formerIdentity } from '../../contract/caller.ts'
import { registrations, type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { passwordRequired } from './reauthentication.ts'

type Registration = typeof registrations.$inferSelect

/** What a caller has shown: that it is signed in to the account, or that it knows a password. */
export type OwnerProof =
  | { sessionId: string }
  | { passwordHash: string; registration: Registration | undefined }

/**
 * Asks who confirms a mailed token. The token shows who owns the mailbox; only a session or the password of the account
 * shows whose the account is. With one alone, a stranger's account would get the address of the person who clicks.
 */
export function createOwnerProof({ db, passwords, places, throttle }: Dependencies) {
  /**
   * @param mailId the mail of the token, which a registration may belong to
   * @throws `REAUTHENTICATION_REQUIRED`, `INVALID_CREDENTIALS` or `TOO_MANY_REQUESTS`
   */
  return async function proveOwner(
    { userId, mailId }: { userId: string; mailId: string },
    password: string | null | undefined,
    caller: Caller,
  ): Promise<OwnerProof> {
    const identity = await formerIdentity(caller)
    if (identity?.user.id === userId) return { sessionId: identity.session.id }
    if (!password) throw passwordRequired()
    await throttle.countLoginOfNetwork(caller.client)
    const [user] = await db.select().from(users).where(eq(users.id, userId))
    if (!user) throw new AuthError('INVALID_TOKEN')
    const [registration] = await db.select().from(registrations).where(eq(registrations.id, mailId))
    return checkPassword(user, registration, password, caller)
  }

  async function checkPassword(
    user: UserRow,
    registration: Registration | undefined,
    password: string,
    { client }: Caller,
  ) {
    const place = await places.find(user.email, client)
    const onSuccess = await throttle.countLogin(user.email, place, client)
    const passwordHash = registration?.password ?? user.password
    const isRight = await passwords.admit(client, () => passwords.verify(passwordHash, password))
    if (!isRight || (user.passwordLockedAt && !registration)) {
      await recordEvent(db, 'reauthentication_failed', user.id, client)
      throw new AuthError('INVALID_CREDENTIALS')
    }
    await onSuccess()
    return { passwordHash, registration }
  }
}
