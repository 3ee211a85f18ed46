import { and, eq, or } from 'drizzle-orm'
import { type Caller, findIdentity } from '../../contract/caller.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { MAILBOX_PLACE, UNKNOWN_PLACE } from '../throttle/places.ts'
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
    const identity = await findIdentity(caller)
    if (identity?.user.id === userId) return { sessionId: identity.session.id }
    if (!password) throw passwordRequired()
    const [user] = await db.select().from(users).where(eq(users.id, userId))
    if (!user) throw new AuthError('INVALID_TOKEN')
    return checkPassword(user, mailId, password, caller)
  }

  async function checkPassword(user: UserRow, mailId: string, password: string, { client }: Caller) {
    const known = await places.find(user.email, client)
    const place = known === UNKNOWN_PLACE ? MAILBOX_PLACE : known
    return throttle.attemptLogin(user.email, place, client, async (onWrong) => {
      const proof = await passwords.admit(client, () => findMatch(user, mailId, password))
      if (proof) return proof
      onWrong()
      await recordEvent(db, 'reauthentication_failed', user.id, client)
      throw new AuthError('INVALID_CREDENTIALS')
    })
  }

  /** The link of a registration proves its own password, and that of the account unless another registration set it. */
  async function findMatch(user: UserRow, mailId: string, password: string) {
    const { id, userId, password: hash } = registrations
    const isCandidate = and(eq(userId, user.id), or(eq(id, mailId), eq(hash, user.password)))
    const candidates = await db.select().from(registrations).where(isCandidate)
    const registration = candidates.find((candidate) => candidate.id === mailId)
    if (registration && (await passwords.verify(registration.password, password))) {
      return { passwordHash: registration.password, registration }
    }
    const isRegistered =
      !user.emailVerified && candidates.some((candidate) => candidate.password === user.password)
    if (isRegistered || user.passwordLockedAt) return undefined
    const isRight = await passwords.verify(user.password, password)
    return isRight ? { passwordHash: user.password, registration: undefined } : undefined
  }
}
