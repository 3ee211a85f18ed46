import { and, eq, gt } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { daysAgo } from '../../db/moments.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import { param } from '../../db/statements/parameters.ts'
import { KEPT_DAYS } from '../old-rows.ts'
import type { RegistrationHashes } from './registration-hashes.ts'

type Parts = { db: Db; registrationHashes: RegistrationHashes }

/**
 * Answers whether a password is that of a registration of an address, which waits for its verification. The salt of the
 * hash is that of the address, so the hash alone finds it, whatever became of the account. The registration of a taken or
 * reserved address is kept too, although no link activates it: otherwise a client could register an address, sign in, and
 * learn from the refusal whether the address was free. For the same reason every call hashes once.
 */
export function createWaitingRegistrations({ db, registrationHashes }: Parts) {
  const waiting = db
    .select({ id: registrations.id })
    .from(registrations)
    .where(
      and(
        eq(registrations.password, param('hash')),
        gt(registrations.createdAt, daysAgo(KEPT_DAYS.registration)),
      ),
    )
    .limit(1)
    .prepare('waiting_registration')

  return async function isRegistrationWaiting(email: string, password: string) {
    const hash = await registrationHashes.hash(email, password)
    return (await waiting.execute({ hash })).length > 0
  }
}
