import { eq, getTableColumns } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Db } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { prepareRows, type WithTexts } from '../../db/statements/row-reader.ts'
import { AuthError } from '../../errors.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { createBreachReport } from '../passwords/breached/breach-report.ts'
import type { Passwords } from '../passwords/passwords.ts'
import { createRehash } from '../passwords/rehash.ts'
import { type Places, UNKNOWN_PLACE } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession, RequestedSession } from './opening/open-session.ts'
import type { RegistrationHashes } from './registration-hashes.ts'
import type { SignInChallenges } from './sign-in-challenges.ts'
import { createWaitingRegistrations } from './waiting-registrations.ts'

type Account = WithTexts<UserRow>

/** Whether the right password may open a session. */
const isOpen = ({ disabledAt, passwordLockedAt }: Account) => !disabledAt && !passwordLockedAt

type SignInInput = RequestedSession & { email: string; password: string }

type Parts = {
  challenges: SignInChallenges
  db: Db
  openSession: OpenSession
  outbox: Outbox
  passwords: Passwords
  places: Places
  registrationHashes: RegistrationHashes
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/** Sign-in with a password, as a Better-Auth endpoint: `auth.api.signIn` returns it. */
export function createSignInEndpoint(parts: Parts) {
  const { challenges, db, openSession, passwords, registrationHashes, settings, throttle } = parts
  const findAccount = prepareAccountSearch(parts)
  const isRegistrationWaiting = createWaitingRegistrations(parts)
  const rehash = createRehash(parts)
  const reportBreach = createBreachReport(parts)
  const mustVerifyFirst = ({ emailVerified }: Account) =>
    settings.REQUIRE_EMAIL_VERIFICATION && !emailVerified

  return createDirectEndpoint(
    async ({ email, password, transport, client, formerSessionId }: SignInInput, context) => {
      const found = await findAccount(email, client)
      // Counted once, after the same look-up for every address and before any hashing.
      const place = found?.place ?? UNKNOWN_PLACE
      const { account, opened, passwordHash } = await throttle.attemptLogin(
        email,
        place,
        client,
        async (onWrong) => {
          // A concurrent sign-in may have rehashed the same password, so there is a second attempt.
          const proven =
            (await attempt(found?.account, onWrong)) ??
            (await attempt((await findAccount(email, client))?.account, onWrong))
          if (!proven) throw new AuthError('INVALID_CREDENTIALS')
          const { account } = proven
          // The password was right. If the rehash fails, the next sign-in tries again.
          const passwordHash = await rehash(account, password).catch(() => account.password)
          await reportBreach({ ...account, password: passwordHash }, password, client)
          return { ...proven, passwordHash }
        },
      )
      if (opened !== 'FACTOR_MISSING') return opened
      const signIn = { userId: account.id, passwordHash, transport, client }
      throw new AuthError('SECOND_FACTOR_REQUIRED', { challenge: await challenges.beginSignIn(signIn) })

      /** Undefined if the stored hash has changed since the account was read. */
      async function attempt(account: Account | undefined, onWrong: () => void) {
        const matches = await matchesPassword(account)
        if (!matches || !account || !isOpen(account) || mustVerifyFirst(account)) {
          onWrong()
          throw await createRefusal(account, matches)
        }
        // The statement that opens sessions would refuse. It judges again when a factor completes the sign-in.
        if (account.secondFactorAt) return { account, opened: 'FACTOR_MISSING' as const }
        const proof = { passwordHash: account.password }
        const opened = await openSession(db, { account, proof, transport, client, formerSessionId })
        return opened === 'PASSWORD_CHANGED' ? undefined : { account, opened }
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
        const isUnverified = matches && account ? isOpen(account) && (isWaiting || isOwn(account)) : isWaiting
        return new AuthError(isUnverified ? 'EMAIL_NOT_VERIFIED' : 'INVALID_CREDENTIALS')
      }

      /**
       * Whether the account had its password before any registration. The first registration of a free address sets it,
       * and counts as long as those of taken addresses: otherwise a stranger could tell them apart later.
       */
      function isOwn({ password: encoded }: Account) {
        return !registrationHashes.hasMade(email, encoded)
      }
    },
  )
}

/** Finds the account of an address, and the place of the client as it knows it: one statement instead of two. */
function prepareAccountSearch({ db, places }: Pick<Parts, 'db' | 'places'>) {
  const read = prepareRows(
    db,
    db
      .select({ account: getTableColumns(users), place: places.selectKnown(users.id) })
      .from(users)
      .where(eq(users.email, param('email'))),
    { isShort: true },
  )
  return async (email: string, client: Client) => {
    const [found] = await read({ email, ...places.toParameters(client) })
    return found
  }
}
