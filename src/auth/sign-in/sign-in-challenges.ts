import { eq, getTableColumns, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { challenges } from '../../db/schema/factors.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { prepareRows } from '../../db/statements/row-reader.ts'
import { createStatement } from '../../db/statements/statement.ts'
import { createRandomId } from '../../db/uuid.ts'
import { AuthError, type SignInChallenge } from '../../errors.ts'
import { EVENT_PARAMETERS, insertEvents, selectEvent, toEventValues } from '../events/events.ts'
import { authenticatorsOf, secondsOfDatabase } from '../factors/authenticators.ts'
import { challengeExpiresAt, isLiveRow, toChallengeRowId } from '../factors/challenges.ts'
import { methodsOf, toMethods } from '../factors/factor-methods.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Places } from '../throttle/places.ts'

export type SignInChallenges = ReturnType<typeof createSignInChallenges>

const userId = sql`${param('userId')}::uuid`

/** One statement: a sign-in with two steps costs little more than one with one. */
const insertSignIn = createStatement<{ expires_at: string; methods: string }>(sql`
  with recorded as (${insertEvents(sql`select ${selectEvent('login_challenged', userId, EVENT_PARAMETERS)}`)})
  insert into ${challenges} (id, purpose, user_id, transport, password_digest, expires_at)
  select ${param('id')}::uuid, 'SIGN_IN', id, ${param('transport')}::session_transport, ${param('passwordDigest')}, ${challengeExpiresAt}
  from ${users} where id = ${userId} and disabled_at is null for key share
  returning expires_at, ${methodsOf(userId)} as methods`)

type BegunSignIn = { userId: string; passwordHash: string; transport: SessionTransport; client: Client }

/** Sign-ins that wait for a proof of a factor. */
export function createSignInChallenges({ db, places }: { db: Db; places: Places }) {
  const beginnings = db
    .select({
      user: getTableColumns(users),
      transport: challenges.transport,
      passwordDigest: challenges.passwordDigest,
      place: places.selectKnown(users.id),
      authenticators: authenticatorsOf(users.id),
      now: secondsOfDatabase,
    })
    .from(challenges)
    .innerJoin(users, eq(users.id, challenges.userId))
    .where(isLiveRow(param('id'), 'SIGN_IN'))
  const readSignIn = prepareRows(db, beginnings, { isShort: true })

  return {
    /**
     * Keeps a sign-in whose password was right, until a factor completes it, with its event.
     * @throws `INVALID_CREDENTIALS` if the account was deleted or disabled in the meantime
     */
    async beginSignIn({ userId, passwordHash, transport, client }: BegunSignIn): Promise<SignInChallenge> {
      const id = createRandomId()
      const [row] = await insertSignIn(db, {
        ...toEventValues('login_challenged', client),
        id: toChallengeRowId(id),
        userId,
        transport,
        passwordDigest: digest(passwordHash),
      })
      if (!row) throw new AuthError('INVALID_CREDENTIALS')
      return { id, methods: toMethods(row.methods), expiresAt: new Date(row.expires_at).toISOString() }
    },

    /**
     * The sign-in of a challenge, its account with its authenticators, and the place of the client as the account knows it.
     * Undefined if the account has got another password since, or none that counts.
     */
    async findSignIn(id: string, client: Client) {
      const [found] = await readSignIn({ id: toChallengeRowId(id), ...places.toParameters(client) })
      if (!found?.transport || found.user.passwordLockedAt) return undefined
      if (found.passwordDigest !== digest(found.user.password)) return undefined
      return { ...found, transport: found.transport }
    },
  }
}
