import { hash } from 'node:crypto'
import { and, eq, getTableColumns, gt, type Placeholder, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { param } from '../../db/parameters.ts'
import { prepareRows } from '../../db/row-reader.ts'
import { challenges, factors, recoveryCodes } from '../../db/schema/factors.ts'
import { users } from '../../db/schema/users.ts'
import { createStatement } from '../../db/statement.ts'
import { createRandomId, hexToUuid } from '../../db/uuid.ts'
import { AuthError, type FactorMethod, type SignInChallenge } from '../../errors.ts'
import { EVENT_PARAMETERS, insertEvents, selectEvent, toEventValues } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Places } from '../throttle/places.ts'
import { authenticatorsOf, secondsOfDatabase } from './authenticators.ts'

export type Challenges = ReturnType<typeof createChallenges>
type Purpose = (typeof challenges.$inferSelect)['purpose']

/** How long a client has to complete what it has begun. */
export const MAX_CHALLENGE_AGE_SECONDS = 5 * 60

/** The id of the row of a challenge. The client's id is its secret, so the table does not hold it. */
export const toChallengeRowId = (id: string) => hexToUuid(hash('sha256', `challenge ${id}`, 'hex'))

const expiresAt = secondsFromNow(MAX_CHALLENGE_AGE_SECONDS)

type Begun = Pick<typeof challenges.$inferInsert, 'purpose' | 'userId' | 'sessionId' | 'secret'>

/** Keeps what a client has begun. @returns the id that it completes it with */
export async function storeChallenge(db: Db, begun: Begun) {
  const id = createRandomId()
  const [row] = await db
    .insert(challenges)
    .values({ ...begun, id: toChallengeRowId(id), expiresAt })
    .returning({ expiresAt: challenges.expiresAt })
  if (!row) throw new TypeError('The inserted challenge is missing')
  return { id, expiresAt: row.expiresAt }
}

/** The condition of a challenge that can still be completed. */
export const isLiveChallenge = (id: string, purpose: Purpose) => isLiveRow(toChallengeRowId(id), purpose)

export const isLiveRow = (rowId: string | Placeholder, purpose: Purpose) =>
  and(eq(challenges.id, rowId), eq(challenges.purpose, purpose), gt(challenges.expiresAt, sql`now()`))

const METHODS = [
  ['TOTP', 'totp'],
  ['PASSKEY', 'passkey'],
  ['RECOVERY_CODE', 'recoveryCode'],
] as const

/** Which methods an account has. For the select list of a statement that has its id. */
const methodsOf = (userId: unknown) => sql<string>`concat_ws(' ',
  (select string_agg(distinct kind::text, ' ') from ${factors} where user_id = ${userId} and removed_at is null),
  (select 'RECOVERY_CODE' from ${recoveryCodes} where user_id = ${userId} limit 1))`

function toMethods(kinds = ''): FactorMethod[] {
  const found = kinds.split(' ')
  return METHODS.filter(([kind]) => found.includes(kind)).map(([, method]) => method)
}

/** The ways in which an account can prove a factor. */
export async function findMethods(db: Pick<Db, 'execute'>, userId: string) {
  const [row] = await db.execute<{ methods: string }>(
    sql`select ${methodsOf(sql`${userId}::uuid`)} as methods`,
  )
  return toMethods(row?.methods)
}

const userId = sql`${param('userId')}::uuid`

/** One statement: a sign-in with two steps costs little more than one with one. */
const insertSignIn = createStatement<{ expires_at: string; methods: string }>(sql`
  with recorded as (${insertEvents(sql`select ${selectEvent('login_challenged', userId, EVENT_PARAMETERS)}`)})
  insert into ${challenges} (id, purpose, user_id, transport, password_digest, expires_at)
  select ${param('id')}::uuid, 'SIGN_IN', id, ${param('transport')}::session_transport, ${param('passwordDigest')}, ${expiresAt}
  from ${users} where id = ${userId} and disabled_at is null for key share
  returning expires_at, ${methodsOf(userId)} as methods`)

type BegunSignIn = { userId: string; passwordHash: string; transport: SessionTransport; client: Client }

/** Sign-ins that wait for a proof of a factor. */
export function createChallenges({ db, places }: { db: Db; places: Places }) {
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
