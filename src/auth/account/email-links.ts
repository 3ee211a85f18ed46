import { eq } from 'drizzle-orm'
import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { isUniqueViolation } from '../../db/client.ts'
import { sessions, users } from '../../db/schema.ts'
import { AuthError, invalid } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { changeEmail } from './email-change.ts'

/** Verifies addresses, and undoes changes of address, by mailed links. */
export function createEmailLinks(core: Core) {
  const { db, mailedTokens, outbox, sessionCache, throttle } = core

  const mayRequestMail = (email: string, { client }: Caller) =>
    throttle.mayRequestMail('verificationMailPerAccount', email, client)

  return {
    /** Signed in: mails the pending address, else the current one. Signed out: by address, and reveals no account. */
    async requestEmailVerification(
      input: InputOf<'requestEmailVerification'> | null | undefined,
      caller: Caller,
    ) {
      outbox.requireEnabled()
      const identity = await (input ? formerIdentity(caller) : caller.identify())
      if (identity) {
        const { user, session } = identity
        const { email, pendingEmail } = user
        const kind = pendingEmail ? 'email-change' : 'email-verification'
        const mail = {
          kind,
          recipient: pendingEmail ?? email,
          userId: user.id,
          sessionId: session.id,
        } as const
        if (await mayRequestMail(mail.recipient, caller)) await outbox.add(db, mail)
        return true
      }
      if (!input) {
        throw invalid('email', 'Is required when signed out.')
      }
      if (await mayRequestMail(input.email, caller)) {
        await outbox.add(db, { kind: 'email-verification', recipient: input.email })
      }
      return true
    },

    /** Verifies the account's address, or changes it to the pending one. Needs no session and opens none. */
    async verifyEmail({ token }: InputOf<'verifyEmail'>, caller: Caller) {
      await throttle.countMailedToken(caller.client)
      const currentSessionId = (await formerIdentity(caller))?.session.id
      const { userId, secret } = await db
        .transaction(async (tx) => {
          const { userId, value, sessionId } = await mailedTokens.consume(tx, token, 'EMAIL_VERIFICATION')
          const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('update')
          if (user?.email === value) {
            await tx.update(users).set({ emailVerified: true }).where(eq(users.id, userId))
            await recordEvent(tx, 'email_verified', userId, caller.client)
            return { userId, secret: undefined }
          }
          if (user?.pendingEmail !== value) throw new AuthError('INVALID_TOKEN')
          const [requester] = sessionId
            ? await tx.select().from(sessions).where(eq(sessions.id, sessionId))
            : []
          // Only the requester's own browser gets the new secret of its cookie.
          const isRequester = currentSessionId === requester?.id
          const keptSession = requester && {
            id: requester.id,
            transport: isRequester ? requester.transport : ('TOKEN' as const),
          }
          const change = { user, newEmail: value, keptSession, client: caller.client, verified: true }
          return { userId, secret: (await changeEmail(tx, core, change)).secret }
        })
        .catch(concealTakenAddress)
      sessionCache.evict(userId)
      if (secret) caller.keepSecret(secret)
      return true
    },

    /** Restores the earlier address and ends all sessions. */
    async undoEmailChange({ token }: InputOf<'undoEmailChange'>, caller: Caller) {
      await throttle.countMailedToken(caller.client)
      const userId = await db
        .transaction(async (tx) => {
          const undo = await mailedTokens.consume(tx, token, 'EMAIL_CHANGE_UNDO')
          const { userId, value: email } = undo
          const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('update')
          if (!user) throw new AuthError('INVALID_TOKEN')
          await tx
            .update(users)
            .set({ email, emailVerified: true, pendingEmail: null })
            .where(eq(users.id, userId))
          await endSessions(tx, userId)
          await endMailedTokens(tx, user)
          await mailedTokens.endLaterUndoTokens(tx, userId, undo)
          await recordEvent(tx, 'email_change_undone', userId, caller.client)
          await outbox.add(tx, { kind: 'email-change-undone', recipient: email, userId })
          return userId
        })
        .catch(concealTakenAddress)
      sessionCache.evict(userId)
      return true
    },
  }
}

/** If the address was taken in the meantime, throws `INVALID_TOKEN`: `EMAIL_TAKEN` would reveal another account. */
function concealTakenAddress(fault: unknown): never {
  const isTaken = isUniqueViolation(fault) || (fault instanceof AuthError && fault.code === 'EMAIL_TAKEN')
  throw isTaken ? new AuthError('INVALID_TOKEN', { cause: fault }) : fault
}
