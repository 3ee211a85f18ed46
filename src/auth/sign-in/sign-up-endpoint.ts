import { eq, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { ProfileColumns, SessionTransport } from '../../contract/fields.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Db, Executor } from '../../db/client.ts'
import { registrations } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import { findReservation, refuseTakenAddress } from '../account/taken-addresses.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSession } from '../sessions/end-session.ts'
import type { Places } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenedSession, OpenSession } from './open-session.ts'

type SignUpInput = {
  email: string
  password: string
  profile: ProfileColumns
  transport: SessionTransport
  client: Client
  formerSessionId: string | undefined
}

/** No session if the address must be verified first. */
type SignedUp = OpenedSession<User> | { user: User; session: null }

type Parts = {
  db: Db
  openSession: OpenSession
  outbox: Outbox
  places: Places
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/**
 * Sign-up with a password, as a Better-Auth endpoint: `auth.api.signUp` returns it. If addresses must be verified first, a
 * taken address causes the same steps as a free one: a mail, a decoy user in the answer, and a registration of its own,
 * which no link activates. So neither the answer nor its time reveals it.
 */
export function createSignUpEndpoint({ db, openSession, outbox, places, throttle, settings }: Parts) {
  const mustVerifyFirst = settings.REQUIRE_EMAIL_VERIFICATION

  return createDirectEndpoint(
    async ({ email, password, profile, transport, client, formerSessionId }: SignUpInput, context) => {
      // Asked before the transaction, which holds a connection.
      const mayRecord = mustVerifyFirst && (await throttle.mayRecord('register', client))
      const account = { password: await context.password.hash(password), ...profile }
      return mustVerifyFirst ? db.transaction(register) : registerAndSignIn()

      /** One statement: to wake the event loop takes longer than most of what a statement does. */
      async function registerAndSignIn(): Promise<SignedUp> {
        const identity = { id: crypto.randomUUID(), email }
        const proof = { newAccount: { ...account, mailDevice: places.toPlaces(client).device } }
        const session = { operation: 'register', account: identity, proof } as const
        const opened = await openSession(db, { ...session, transport, client, formerSessionId }).catch(
          refuseTakenAddress,
        )
        if (typeof opened === 'string') throw new TypeError(`No session for a new account: ${opened}`)
        return {
          ...opened,
          user: { ...toNewUser(identity, profile, opened.session.createdAt), ...opened.user },
        }
      }

      async function register(tx: Executor): Promise<SignedUp> {
        if (formerSessionId) await lockBoth(tx, email, formerSessionId)
        const [inserted] = await tx
          .insert(users)
          .values({ email, ...account })
          .onConflictDoNothing()
          .returning()
        const [reservation, [present]] = await Promise.all([
          findReservation(tx, email),
          tx.select().from(users).where(eq(users.email, email)).for('no key update'),
        ])
        const isOpen = present && !present.emailVerified && !present.disabledAt && !reservation
        const userId = reservation?.userId ?? present?.id
        const registration = userId && { id: createRandomId(), userId }
        const mail =
          registration && isOpen
            ? ({ kind: 'email-verification', ...registration } as const)
            : ({ kind: 'address-taken' } as const)
        const [[clock]] = await Promise.all([
          tx.execute<{ now: string }>(sql`select now()`),
          inserted && reservation && tx.delete(users).where(eq(users.id, inserted.id)),
          registration &&
            tx.insert(registrations).values({ ...registration, password: account.password, profile }),
          inserted && isOpen && recordEvent(tx, 'register', inserted.id, client),
          !inserted && mayRecord && recordEventByEmail(tx, 'register_taken', email, client),
          outbox.add(tx, { ...mail, recipient: email, client, locale: profile.locale }),
          formerSessionId && endSession(tx, formerSessionId),
        ])
        const user = inserted && isOpen ? inserted : createDecoyUser(email, profile, clock)
        return { user, session: null }
      }
    },
  )
}

/** Locks the account of the address and that of the former session in the order of all sign-ins, or they could deadlock. */
const lockBoth = (tx: Executor, email: string, formerSessionId: string) =>
  tx.execute(sql`
    select from ${users}
    where email = ${email} or id = (select user_id from ${sessions} where id = ${formerSessionId}::uuid)
    order by id for no key update`)

/** A user that looks like a new account, with the time of the database. */
function createDecoyUser(email: string, profile: ProfileColumns, clock: { now: string } | undefined): User {
  return toNewUser({ id: crypto.randomUUID(), email }, profile, new Date(clock?.now ?? Date.now()))
}

/** A user as the database inserts it. */
const toNewUser = (identity: Pick<User, 'id' | 'email'>, profile: ProfileColumns, now: Time): User => ({
  ...identity,
  emailVerified: false,
  pendingEmail: null,
  ...profile,
  roles: [],
  createdAt: now,
  updatedAt: now,
})
