import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { prepareRows, type WithTexts } from '../../db/row-reader.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import type { Challenges } from '../factors/challenges.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { createBreachReport } from '../passwords/breached/breach-report.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { type Places, UNKNOWN_PLACE } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession } from './open-session.ts'
import { createWaitingRegistrations } from './waiting-registrations.ts'

type Account = WithTexts<UserRow>

/** Whether the right password may open a session. */
const isOpen = ({ disabledAt, passwordLockedAt }: Account) => !disabledAt && !passwordLockedAt

type SignInInput = {
  email: string
  password: string
  transport: SessionTransport
  client: Client
  formerSessionId: string | undefined
}

type Parts = {
  challenges: Challenges
  db: Db
  openSession: OpenSession
  outbox: Outbox
  passwords: Passwords
  places: Places
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/** Sign-in with a password, as a Better-Auth endpoint: `auth.api.signIn` returns it. */
export function createSignInEndpoint(parts: Parts) {
  const { challenges, db, openSession, passwords, places, settings, throttle } = parts
  const isRegistrationWaiting = createWaitingRegistrations(parts)
  const reportBreach = createBreachReport(parts)
  const mustVerifyFirst = ({ emailVerified }: Account) =>
    settings.REQUIRE_EMAIL_VERIFICATION && !emailVerified

  /** The account, and the place of the client as it knows it: one statement instead of two. */
  const readAccount = prepareRows(
    db,
    db
      .select({ user: getTableColumns(users), place: places.selectKnown(users.id) })
      .from(users)
      .where(eq(users.email, sql.placeholder('email'))),
    { isShort: true },
  )

  return createDirectEndpoint(
    async ({ email, password, transport, client, formerSessionId }: SignInInput, context) => {
      const { user: present, place = UNKNOWN_PLACE } = await findAccount()
      // Counted once, after the same look-up for every address and before any hashing.
      const { user, opened, passwordHash } = await throttle.attemptLogin(email, place, client, async () => {
        // A concurrent sign-in may have rehashed the same password, so there is a second attempt.
        const attempted = (await attempt(present)) ?? (await attempt((await findAccount()).user))
        if (!attempted) throw new AuthError('INVALID_CREDENTIALS')
        // The password was right. If the rehash fails, the next sign-in tries again.
        const passwordHash = await rehash(attempted.user, password).catch(() => attempted.user.password)
        await reportBreach({ ...attempted.user, password: passwordHash }, password, client)
        return { ...attempted, passwordHash }
      })
      if (opened !== 'FACTOR_MISSING') return opened
      const challenge = await challenges.beginSignIn({ userId: user.id, passwordHash, transport, client })
      throw new AuthError('SECOND_FACTOR_REQUIRED', { challenge })

      async function findAccount() {
        const [found] = await readAccount({ email, ...places.toParameters(client) })
        return { user: found?.user, place: found?.place }
      }

      async function attempt(account: Account | undefined) {
        const matches = await matchesPassword(account)
        if (!matches || !account || !isOpen(account) || mustVerifyFirst(account)) {
          throw await createRefusal(account, matches)
        }
        // The statement that opens sessions would refuse. It judges again when a factor completes the sign-in.
        if (account.secondFactorAt) return { user: account, opened: 'FACTOR_MISSING' as const }
        const proof = { passwordHash: account.password }
        const session = { operation: 'login', account, proof, transport, client, formerSessionId } as const
        const opened = await openSession(db, session)
        return opened === 'PASSWORD_CHANGED' ? undefined : { user: account, opened }
      }

      /** False for unknown accounts, after the same work. */
      async function matchesPassword(account: Account | undefined) {
        const hash = account?.password ?? (await context.password.hash(password))
        return account !== undefined && (await context.password.verify({ hash, password }))
      }

      /** Takes the same time for every refusal, also if the password was right and the address is not verified. */
      async function createRefusal(account: Account | undefined, matches: boolean) {
        await passwords.equalizeTiming(account?.password)
        const isWaiting =
          settings.REQUIRE_EMAIL_VERIFICATION && (await isRegistrationWaiting(email, password))
        const isUnverified = matches && account ? isOpen(account) : isWaiting
        return new AuthError(isUnverified ? 'EMAIL_NOT_VERIFIED' : 'INVALID_CREDENTIALS')
      }
    },
  )

  /** Stores a hash with the current parameters, unless the password has changed in the meantime. @returns the stored hash */
  async function rehash({ id, password: storedHash }: Account, password: string) {
    if (!passwords.isOutdated(storedHash)) return storedHash
    const fresh = await passwords.hash(password)
    const isUnchanged = and(eq(users.id, id), eq(users.password, storedHash))
    return db.transaction(async (tx) => {
      // The password stays the same, so webhooks hear of no change.
      await tx.execute(sql`select set_config('servauth.rehash', 'on', true)`)
      const [updated] = await tx
        .update(users)
        .set({ password: fresh })
        .where(isUnchanged)
        .returning({ id: users.id })
      return updated ? fresh : storedHash
    })
  }
}
