import { AsyncLocalStorage } from 'node:async_hooks'
import { betterAuth } from 'better-auth'
import { isAPIError } from 'better-auth/api'
import { jwt } from 'better-auth/plugins/jwt'
import type { Db } from '../db/client.ts'
import type { SessionRow } from '../db/schema.ts'
import type { Env } from '../env.ts'
import { AuthError, type Code } from '../errors.ts'
import { createStorage } from './adapter.ts'
import type { Client } from './caller.ts'
import type { SessionTransport } from './inputs.ts'
import { keysPlugin } from './keys-plugin.ts'
import type { Passwords } from './passwords.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { rotationPlugin } from './rotation-plugin.ts'
import type { User } from './user.ts'

export type BetterAuth = ReturnType<typeof createBetterAuth>

/** What a sign-up or sign-in is told beside the input that Better-Auth's API takes, and what it leaves behind. */
type SignIn = {
  client: Client
  transport: SessionTransport | null | undefined
  passwordHash?: string
  session?: SessionRow
  outdatedHash?: string
}

type BetterAuthUser = Omit<User, 'username' | 'pendingEmail'> & {
  name: string
  pendingEmail?: string | null | undefined
}

/** Which of Better-Auth's refusals are ours too; any other is a fault. */
const REFUSALS: Record<string, Code> = {
  INVALID_EMAIL_OR_PASSWORD: 'INVALID_CREDENTIALS',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'EMAIL_TAKEN',
}

type Parts = {
  env: Env & { AUTH_SECRET: string }
  db: Db
  passwords: Passwords
  refreshTokens: RefreshTokens
}

/**
 * Better-Auth as Servauth uses it: its server API, called from code. None of its routes is
 * mounted, so its router's guards do not apply and ours do; it sends no mail and sets no cookie.
 */
export function createBetterAuth({ env, db, passwords, refreshTokens }: Parts) {
  const signIns = new AsyncLocalStorage<SignIn>()
  const currentSignIn = () => {
    const signIn = signIns.getStore()
    if (!signIn) throw new TypeError('Sessions are made within signingIn() only')
    return signIn
  }
  const jwtOptions = {
    disableSettingJwtHeader: true,
    jwks: { keyPairConfig: { alg: 'EdDSA', crv: 'Ed25519' } },
  } as const

  const { api } = betterAuth({
    baseURL: env.PUBLIC_URL,
    secret: env.AUTH_SECRET,
    telemetry: { enabled: false },
    // It logs addresses and whole rows; every fault it meets reaches our own log as an error.
    logger: { disabled: true },
    rateLimit: { enabled: false },
    advanced: { database: { generateId: 'uuid' } },
    database: createStorage(db, env),
    emailAndPassword: {
      enabled: true,
      // The password rule is ours and already applied.
      minPasswordLength: 1,
      maxPasswordLength: 1024,
      password: {
        // Sign-up hashes inside its transaction, so it is handed a hash made before it.
        hash: async (password) => signIns.getStore()?.passwordHash ?? passwords.hash(password),
        async verify({ hash, password }) {
          const right = await passwords.verify(hash, password)
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
      },
    },
    session: {
      cookieCache: { enabled: false },
      additionalFields: {
        lineage: { type: 'string', required: false, input: false },
        transport: { type: 'string', required: false, input: false },
        lastUsedAt: { type: 'date', required: false, input: false },
        authenticatedAt: { type: 'date', required: false, input: false },
      },
    },
    databaseHooks: {
      user: {
        create: {
          before: async ({ name }) =>
            ({ data: { name: name || null, password: currentSignIn().passwordHash } }) as never,
        },
      },
      session: {
        create: {
          before: async () => {
            const { transport, client } = currentSignIn()
            const id = crypto.randomUUID()
            return { data: { ...refreshTokens.begin(id), id, transport: transport ?? 'COOKIE', ...client } }
          },
          after: async (session) => {
            currentSignIn().session = session as unknown as SessionRow
          },
        },
      },
    },
    plugins: [jwt(jwtOptions), keysPlugin(jwtOptions), rotationPlugin({ db, refreshTokens, settings: env })],
  })

  return {
    api,
    /**
     * Runs a sign-up or sign-in of Better-Auth's API and hands back what came of it, the
     * session's secret in clear this once.
     */
    async signingIn(signIn: SignIn, work: () => Promise<{ user: BetterAuthUser }>) {
      const { user } = await signIns.run(signIn, work).catch(translate)
      const { session, outdatedHash } = signIn
      if (!session) throw new TypeError('Better-Auth made no session')
      const { name: username, pendingEmail = null, ...rest } = user
      return { user: { ...rest, username, pendingEmail }, session, secret: session.token, outdatedHash }
    },
  }
}

function translate(fault: unknown): never {
  const code = isAPIError(fault) ? REFUSALS[fault.body?.code ?? ''] : undefined
  throw code ? new AuthError(code, { cause: fault }) : fault
}
