import { and, desc, eq, inArray, or } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { param } from '../../db/parameters.ts'
import { registrations, verifications } from '../../db/schema/mailed-tokens.ts'
import { users } from '../../db/schema/users.ts'
import { isReservation } from '../account/taken-addresses.ts'
import type { Passwords } from '../passwords/passwords.ts'

/**
 * Answers whether a password is that of the newest registration of an address, which waits for its verification. The
 * registration of a taken or reserved address is kept too, although no link activates it: otherwise a client could
 * register an address, sign in, and learn from the refusal whether the address was free.
 */
export function createWaitingRegistrations({ db, passwords }: { db: Db; passwords: Passwords }) {
  const accounts = db
    .select({ id: users.id })
    .from(users)
    .where(eq(users.email, param('email')))
  const reservers = db
    .select({ id: verifications.userId })
    .from(verifications)
    .where(and(eq(verifications.value, param('email')), isReservation))
  const newest = db
    .select({ password: registrations.password })
    .from(registrations)
    .where(or(inArray(registrations.userId, accounts), inArray(registrations.userId, reservers)))
    .orderBy(desc(registrations.createdAt))
    .limit(1)
    .prepare('newest_registration')

  return async function isRegistrationWaiting(email: string, password: string) {
    const [registration] = await newest.execute({ email })
    return registration !== undefined && passwords.verify(registration.password, password)
  }
}
