import { AsyncLocalStorage } from 'node:async_hooks'
import { isAPIError } from 'better-auth/api'
// The whole package brings a database layer of its own, which takes a start a tenth of its time.
import { betterAuth } from 'better-auth/minimal'
import { jwt } from 'better-auth/plugins/jwt'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import type { SessionRow } from '../../db/schema.ts'
import type { Env } from '../../env.ts'
import { AuthError, asAuthError, type Code } from '../../errors.ts'
import { mayGoBack } from '../account/email-change.ts'
import { record } from '../events/events.ts'
import { keyOptions, keysPlugin } from '../keys/keys-plugin.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Observer } from '../observer.ts'
import type { Passwords } from '../passwords/hashing.ts'
import { endSession } from '../sessions/end-session.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import { rotationPlugin } from '../sessions/rotation-plugin.ts'
import type { SessionCache } from '../sessions/session-cache.ts'
import { openSession } from '../sign-in/open-session.ts'
import { createStorage, LOCK } from './storage.ts'

export type BetterAuth = ReturnType<typeof createBetterAuth>

/** What a sign-up or sign-in is told beside the input that Better-Auth's API takes, and what it leaves behind. */
export type SignIn = {
  operation: 'register' | 'login'
  email: string
  client: Client
  transport: SessionTransport | null | undefined
  formerId: string | undefined
  /** Refused by whoever counts attempts; nothing is hashed before that is known. */
  admitted?: Promise<unknown>
  passwordHash?: string
  /** Whether a new account's address may be asked to verify itself. */
  mayMail?: boolean
  /** The hash that the password was found right against. */
  verifiedHash?: string
  session?: SessionRow & { secret: string }
  outdatedHash?: string
  taken?: boolean
  /** Whether the password was stored anew between the proof and the session. */
  overtaken?: boolean
}

type BetterAuthUser = Omit<User, 'username' | 'pendingEmail'> & {
  name: string
  pendingEmail?: string | null | undefined
}

/** Which of Better-Auth's refusals are ours too; any other is a fault. */
const REFUSALS: Record<string, Code> = {
  INVALID_EMAIL_OR_PASSWORD: 'INVALID_CREDENTIALS',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'EMAIL_TAKEN',
  EMAIL_NOT_VERIFIED: 'EMAIL_NOT_VERIFIED',
}

type Parts = {
  env: Env & { AUTH_SECRET: string }
  db: Db
  observer?: Observer | undefined
  outbox: Outbox
  passwords: Passwords
  refreshTokens: RefreshTokens
  sessionCache: SessionCache
  signingKeys: SigningKeys
}

/**
 * Better-Auth as Servauth uses it: its server API, called from code. None of its routes is
 * mounted, so its router's guards do not apply and ours do; it sends no mail and sets no cookie.
 */
export function createBetterAuth(parts: Parts) {
  const { env, db, observer, outbox, passwords, refreshTokens, sessionCache, signingKeys } = parts
  const signIns = new AsyncLocalStorage<SignIn>()
  const currentSignIn = () => {
    const signIn = signIns.getStore()
    if (!signIn) throw new TypeError('Sessions are made within signingIn() only')
    return signIn
  }
  const lifetime = { idle: env.SESSION_IDLE_SECONDS, max: env.SESSION_MAX_SECONDS }
  const storage = createStorage(db, {
    async registered(executor, { id, email }) {
      const user = { id: String(id), email: String(email) }
      const { client, formerId, mayMail } = currentSignIn()
      const mail = { kind: 'email-verification', recipient: user.email, userId: user.id } as const
      // Asked before the rest, so that a new account waits for the database as often as a taken address.
      if (await mayGoBack(executor, user.email)) throw new AuthError('EMAIL_TAKEN')
      // On one connection these follow one another without waiting for each answer.
      await Promise.all([
        record(executor, 'register', user.id, client),
        mayMail && outbox.promise(executor, mail),
        // Where no session is made, the one that the caller had ends with this.
        formerId && env.REQUIRE_EMAIL_VERIFICATION && endSession(executor, formerId),
      ])
    },
    async openSession(executor, { userId }) {
      const signIn = currentSignIn()
      const id = crypto.randomUUID()
      const { lineage, token } = refreshTokens.begin(id)
      const row = await openSession(executor, lifetime, {
        ...signIn,
        id,
        userId: String(userId),
        token,
        lineage,
        transport: signIn.transport ?? 'COOKIE',
        verifiedHash: signIn.verifiedHash ?? signIn.passwordHash ?? '',
      })
      signIn.overtaken = row === 'OVERTAKEN'
      if (row === 'OVERTAKEN') throw new AuthError('INVALID_CREDENTIALS')
      observer?.sessionOpened(signIn.operation)
      signIn.session = { ...row, secret: token }
      return { ...row, token }
    },
  })
  const jwtOptions = keyOptions(signingKeys)

  const { api } = betterAuth({
    baseURL: env.PUBLIC_URL,
    secret: env.AUTH_SECRET,
    telemetry: { enabled: false },
    // It logs addresses and whole rows; every fault it meets reaches our own log as an error.
    logger: { disabled: true },
    rateLimit: { enabled: false },
    advanced: { database: { generateId: 'uuid' } },
    database: storage,
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: env.REQUIRE_EMAIL_VERIFICATION,
      onExistingUserSignUp: async () => {
        currentSignIn().taken = true
      },
      // The password rule is ours and already applied.
      minPasswordLength: 1,
      maxPasswordLength: 1024,
      password: {
        // Sign-up hashes inside its transaction, so it is handed a hash made before it.
        // A login hashes where there is nobody to verify against.
        async hash(password) {
          const { admitted, passwordHash } = currentSignIn()
          await admitted
          if (passwordHash) return passwordHash
          const made = await passwords.hash(password)
          await passwords.evenOut(made, password)
          return made
        },
        async verify({ hash, password }) {
          await currentSignIn().admitted
          const isLocked = hash.startsWith(LOCK)
          const unlocked = isLocked ? hash.slice(LOCK.length) : hash
          const matches = await passwords.verify(unlocked, password)
          const right = matches && !isLocked
          if (!right) await passwords.evenOut(unlocked, password)
          if (right) currentSignIn().verifiedHash = hash
          if (right && passwords.isOutdated(hash)) currentSignIn().outdatedHash = hash
          return right
        },
      },
    },
    user: {
      fields: { name: 'username' },
      additionalFields: {
        password: { type: 'string', required: false, input: false, returned: false },
        pendingEmail: { type: 'string', required: false, input: false },
        disabledAt: { type: 'date', required: false, input: false, returned: false },
      },
    },
    session: { cookieCache: { enabled: false } },
    databaseHooks: {
      user: {
        create: {
          before: async ({ name }) =>
            ({ data: { name: name || null, password: currentSignIn().passwordHash } }) as never,
        },
      },
    },
    plugins: [
      jwt(jwtOptions),
      keysPlugin(jwtOptions, signingKeys),
      rotationPlugin({ db, observer, outbox, refreshTokens, sessionCache, settings: env }),
    ],
  })

  return {
    api,
    /**
     * Runs a sign-up or sign-in of Better-Auth's API and hands back what came of it: the user, and
     * the session with its secret in clear this once. While the address must be verified first, a
     * sign-up makes no session, and the user may be made up, to hide that the address is taken.
     */
    async signingIn(signIn: SignIn, work: () => Promise<{ user: BetterAuthUser }>) {
      const { user } = await signIns.run(signIn, work).catch(translate)
      const { name, pendingEmail = null, ...rest } = user
      return {
        user: { ...rest, username: name || null, pendingEmail },
        session: signIn.session,
        outdatedHash: signIn.outdatedHash,
        taken: signIn.taken ?? false,
      }
    },
  }
}

/** Unwraps what the storage let travel inside; unknown faults pass untouched, to be logged as bugs. */
function translate(fault: unknown): never {
  const code = isAPIError(fault) ? REFUSALS[fault.body?.code ?? ''] : undefined
  if (code) throw new AuthError(code, { cause: fault })
  const carried = asAuthError(fault)
  throw carried.code === 'INTERNAL' ? fault : carried
}
