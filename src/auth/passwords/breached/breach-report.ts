import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Client } from '../../../contract/caller.ts'
import type { Time } from '../../../contract/outputs/fields.ts'
import type { Db, Executor } from '../../../db/client.ts'
import { type UserRow, users } from '../../../db/schema/users.ts'
import { recordEvent } from '../../events/events.ts'
import type { Outbox } from '../../mailing/outbox.ts'
import type { Passwords } from '../passwords.ts'

type Reported = Pick<UserRow, 'id' | 'email' | 'password'> & { passwordBreachedAt: Time | null }

/** Marks an account that signs in with a breached password, and mails its user once for each password. */
export function createBreachReport({
  db,
  outbox,
  passwords,
}: {
  db: Db
  outbox: Outbox
  passwords: Passwords
}) {
  /** Never fails the sign-in: the next one tries again. */
  return async function reportBreach(user: Reported, password: string, client: Client) {
    if (user.passwordBreachedAt || !passwords.isBreached(password)) return
    await db.transaction((tx) => report(tx, user, client)).catch(() => {})
  }

  async function report(tx: Executor, { id, email, password }: Reported, client: Client) {
    const isUnmarked = and(eq(users.id, id), eq(users.password, password), isNull(users.passwordBreachedAt))
    const [marked] = await tx
      .update(users)
      .set({ passwordBreachedAt: sql`now()` })
      .where(isUnmarked)
      .returning({ id: users.id })
    if (!marked) return
    await recordEvent(tx, 'password_breached', id, client)
    await outbox.add(tx, { kind: 'password-breached', recipient: email, userId: id })
  }
}
