import type { Changes } from '../db/changes.ts'
import type { Db } from '../db/client.ts'
import type { Env } from '../env.ts'
import type { Span } from '../span.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createAdministration } from './administration.ts'
import { createBetterAuth } from './better-auth.ts'
import { createCredentials } from './credentials.ts'
import { createEmail } from './email.ts'
import { createEventLog } from './events.ts'
import { createGrant } from './grant.ts'
import { areAnyImported, createImport } from './import.ts'
import { createKeyRotation } from './key-rotation.ts'
import { createLetters } from './letters.ts'
import { createLogin } from './login.ts'
import { createLogout } from './logout.ts'
import { createMailedTokens } from './mailed-tokens.ts'
import type { Observer } from './observer.ts'
import { createOutbox } from './outbox.ts'
import { createPassword } from './password.ts'
import { createPasswords } from './passwords.ts'
import { createProfile } from './profile.ts'
import { createRefresh } from './refresh.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createRefusedOrigins } from './refused-origins.ts'
import { createRegister } from './register.ts'
import { createSessionCache } from './session-cache.ts'
import { createSessions } from './sessions.ts'
import { createSigningKeys } from './signing-keys.ts'
import { type CounterFactory, createThrottle } from './throttle.ts'

export type AuthService = ReturnType<typeof createAuthService>

type Parts = {
  env: Env & { AUTH_SECRET: string }
  db: Db
  changes: Changes
  canMail: boolean
  counter: CounterFactory
  /** Where somebody watches, and where there is tracing. */
  observer?: Observer | undefined
  span?: Span | undefined
}

/** The product behind both doors: one function for each operation of the contract. */
export function createAuthService({ env, db, changes, canMail, counter, observer, span }: Parts) {
  const passwords = createPasswords(env, () => areAnyImported(db), { observer, span })
  const refreshTokens = createRefreshTokens(env.AUTH_SECRET)
  const mailedTokens = createMailedTokens(env.AUTH_SECRET)
  const outbox = createOutbox({ enabled: canMail })
  const sessionCache = createSessionCache(changes)
  const signingKeys = createSigningKeys({ db, settings: env })
  const betterAuth = createBetterAuth({
    env,
    db,
    observer,
    outbox,
    passwords,
    refreshTokens,
    sessionCache,
    signingKeys,
  })
  const accessTokens = createAccessTokens(betterAuth.api, env)
  const credentials = createCredentials({ db, accessTokens, refreshTokens, sessionCache })
  const grant = createGrant(accessTokens)
  const requireEmailVerification = env.REQUIRE_EMAIL_VERIFICATION
  const parts = { db, betterAuth, credentials, grant, mailedTokens, outbox, passwords, refreshTokens }
  const throttle = createThrottle({
    db,
    counter,
    enabled: env.THROTTLE,
    limits: env.THROTTLE_LIMITS,
    observer,
  })
  const core = { ...parts, requireEmailVerification, sessionCache, throttle }

  return {
    register: createRegister(core),
    login: createLogin(core),
    refresh: createRefresh(core),
    logout: createLogout(core),
    ...createProfile(core),
    ...createPassword(core),
    ...createEmail(core),
    ...createSessions(core),
    events: createEventLog(core),
    administration: createAdministration(core),
    importAccounts: createImport(core),
    keys: createKeyRotation({ api: betterAuth.api, signingKeys }),

    identify: credentials.identify,
    view: credentials.view,
    noteRefusedOrigin: createRefusedOrigins(core),
    composeLetter: createLetters({ db, mailedTokens, throttle, appUrl: env.APP_URL }),
    /** The state of its parts, to be read at any time. */
    vitals: { hashing: passwords.hashing, sessionCache },
    prepare: accessTokens.prepare,
    publishedKeys: accessTokens.published,
  }
}
