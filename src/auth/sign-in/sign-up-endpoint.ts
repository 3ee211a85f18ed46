import type { ProfileColumns } from '../../contract/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { refuseTakenAddress } from '../account/taken-addresses.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Places } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenedSession, OpenSession, RequestedSession } from './opening/open-session.ts'
import type { RegistrationHashes } from './registration-hashes.ts'
import { registerUnverified, toNewUser } from './unverified-registration.ts'

type SignUpInput = RequestedSession & { email: string; password: string; profile: ProfileColumns }

/** No session if the address must be verified first. */
type SignedUp = OpenedSession<User> | { user: User; session: null }

type Parts = {
  db: Db
  openSession: OpenSession
  outbox: Outbox
  places: Places
  registrationHashes: RegistrationHashes
  throttle: Throttle
  settings: { REQUIRE_EMAIL_VERIFICATION: boolean }
}

/** Sign-up with a password, as a Better-Auth endpoint: `auth.api.signUp` returns it. */
export function createSignUpEndpoint(parts: Parts) {
  const { db, openSession, outbox, places, registrationHashes, throttle, settings } = parts
  const mustVerifyFirst = settings.REQUIRE_EMAIL_VERIFICATION

  return createDirectEndpoint(
    async ({ email, password, profile, transport, client, formerSessionId }: SignUpInput, context) => {
      // Asked before the transaction, which holds a connection.
      const mayRecord = mustVerifyFirst && (await throttle.mayRecord('register', client))
      const passwordHash = mustVerifyFirst
        ? await registrationHashes.hash(email, password)
        : await context.password.hash(password)
      return mustVerifyFirst ? registerOnly() : registerAndSignIn()

      async function registerOnly(): Promise<SignedUp> {
        const registration = { email, passwordHash, profile, client, formerSessionId, mayRecord }
        const user = await db.transaction((tx) => registerUnverified(tx, registration, outbox))
        return { user, session: null }
      }

      /** One statement: to wake the event loop takes longer than most of what a statement does. */
      async function registerAndSignIn(): Promise<SignedUp> {
        const account = { id: crypto.randomUUID(), email }
        const mailDevice = places.toPlaces(client).device
        const proof = { newAccount: { ...profile, password: passwordHash, mailDevice } }
        const session = { account, proof, transport, client, formerSessionId }
        const opened = await openSession(db, session).catch(refuseTakenAddress)
        if (typeof opened === 'string') throw new TypeError(`No session for a new account: ${opened}`)
        const user = toNewUser(account, profile, opened.session.createdAt)
        return { ...opened, user: { ...user, ...opened.user } }
      }
    },
  )
}
