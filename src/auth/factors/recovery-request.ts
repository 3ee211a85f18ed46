import { and, eq, isNull } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { startFactorRecovery } from './factor-recovery.ts'

/** Lets a user whose password was right start to replace the lost factors. */
export function createRecoveryRequest({ challenges, db, outbox, throttle }: Dependencies) {
  return async function requestFactorRecovery(
    { challenge }: InputOf<'requestFactorRecovery'>,
    { client }: Caller,
  ) {
    await throttle.countFactorOfClient(client)
    const found = await challenges.findSignIn(challenge, client)
    if (!found) throw new AuthError('INVALID_TOKEN')
    const { id, password } = found.user
    const endsAt = await db.transaction(async (tx) => {
      const [user] = await tx
        .select()
        .from(users)
        .where(and(eq(users.id, id), eq(users.password, password), isNull(users.disabledAt)))
        .for('update')
      return user
        ? startFactorRecovery(tx, outbox, user, (kind) => recordEvent(tx, kind, user.id, client))
        : null
    })
    if (!endsAt) throw new AuthError('INVALID_TOKEN')
    return { endsAt }
  }
}
