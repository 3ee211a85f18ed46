import { drizzleAdapter } from 'better-auth/adapters/drizzle'
// Not `better-auth`: its own database layer would take a tenth of the time of a start.
import { betterAuth } from 'better-auth/minimal'
import { jwt } from 'better-auth/plugins/jwt'
import type { Db } from '../../db/client.ts'
import { jwks } from '../../db/schema/keys.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import type { Env } from '../../env.ts'
import type { FactorProofs } from '../factors/factor-proofs.ts'
import { createKeyEndpoints, createKeyOptions } from '../keys/key-endpoints.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Observer } from '../observer.ts'
import type { PasskeyProofs } from '../passkeys/passkey-proofs.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import type { SessionCache } from '../sessions/session-cache.ts'
import { createRotateSessionEndpoint } from '../sessions/session-rotation.ts'
import { createCompleteSignInEndpoint } from '../sign-in/complete-sign-in-endpoint.ts'
import type { OpenSession } from '../sign-in/opening/open-session.ts'
import { createPasskeySignInEndpoint } from '../sign-in/passkey-sign-in-endpoint.ts'
import type { RegistrationHashes } from '../sign-in/registration-hashes.ts'
import type { SignInChallenges } from '../sign-in/sign-in-challenges.ts'
import { createSignInEndpoint } from '../sign-in/sign-in-endpoint.ts'
import { createSignUpEndpoint } from '../sign-in/sign-up-endpoint.ts'
import type { Places } from '../throttle/places.ts'
import type { Throttle } from '../throttle/throttle.ts'
import { callDirectly } from './direct-endpoint.ts'

export type BetterAuth = ReturnType<typeof createBetterAuth>

type Parts = {
  challenges: SignInChallenges
  db: Db
  factorProofs: FactorProofs
  observer?: Observer | undefined
  openSession: OpenSession
  outbox: Outbox
  passkeyProofs: PasskeyProofs
  passwords: Passwords
  places: Places
  /** Encrypts the signing keys with the present secret. */
  reencryptKeys: () => Promise<void>
  refreshTokens: RefreshTokens
  registrationHashes: RegistrationHashes
  sessionCache: SessionCache
  settings: Env & { AUTH_SECRET: string }
  signingKeys: SigningKeys
  throttle: Throttle
}

const TABLES = { user: users, session: sessions, verification: verifications, jwks }

/**
 * The server API of Better-Auth, which the core calls from code. A plugin adds endpoints where its own do not fit.
 * Its routes are not mounted, so the guards of its router do not apply. It sends no mail and sets no cookie.
 */
export function createBetterAuth(parts: Parts) {
  const { db, passwords, settings, signingKeys } = parts
  const keyOptions = createKeyOptions(signingKeys, settings.ACCESS_TOKEN_ALG)
  const { api } = betterAuth({
    baseURL: settings.PUBLIC_URL,
    secret: settings.AUTH_SECRET,
    telemetry: { enabled: false },
    // Otherwise each call makes two spans that no provider collects.
    experimental: { instrumentation: { enabled: false } },
    // It would log addresses and whole rows. Our own log gets every error.
    logger: { disabled: true },
    rateLimit: { enabled: false },
    database: drizzleAdapter(db, { provider: 'pg', schema: TABLES }),
    // It would miss tables and columns for what this server does not use.
    advanced: { database: { validateSchema: false } },
    emailAndPassword: {
      enabled: true,
      password: {
        hash: (password) => passwords.hash(password),
        verify: ({ hash, password }) => passwords.verify(hash, password),
      },
    },
    user: { fields: { name: 'username' } },
    session: { cookieCache: { enabled: false } },
    plugins: [
      jwt(keyOptions),
      {
        id: 'servauth',
        endpoints: {
          signIn: createSignInEndpoint(parts),
          signInWithPasskey: createPasskeySignInEndpoint(parts),
          completeSignIn: createCompleteSignInEndpoint(parts),
          signUp: createSignUpEndpoint(parts),
          rotateSession: createRotateSessionEndpoint(parts),
          ...createKeyEndpoints(keyOptions, signingKeys, parts.reencryptKeys, settings.ACCESS_TOKEN_ALG),
        },
      } as const,
    ],
  })
  return {
    api,
    signIn: callDirectly(api.signIn),
    signInWithPasskey: callDirectly(api.signInWithPasskey),
    completeSignIn: callDirectly(api.completeSignIn),
    signUp: callDirectly(api.signUp),
    rotateSession: callDirectly(api.rotateSession),
  }
}
