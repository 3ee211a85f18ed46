import type { Db } from '../db/client.ts'
import type { Env } from '../env.ts'
import { createAccessTokens } from './access-tokens.ts'
import { createBetterAuth } from './better-auth.ts'
import { createCredentials } from './credentials.ts'
import { createGrant } from './grant.ts'
import { createLogin } from './login.ts'
import { createLogout } from './logout.ts'
import { createPasswords } from './passwords.ts'
import { createProfile } from './profile.ts'
import { createRefresh } from './refresh.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createRegister } from './register.ts'

export type AuthService = ReturnType<typeof createAuthService>

/** The product behind both doors: one function for each operation of the contract. */
export function createAuthService({ env, db }: { env: Env & { AUTH_SECRET: string }; db: Db }) {
  const passwords = createPasswords()
  const refreshTokens = createRefreshTokens(env.AUTH_SECRET)
  const betterAuth = createBetterAuth({ env, db, passwords, refreshTokens })
  const accessTokens = createAccessTokens(betterAuth.api, env)
  const credentials = createCredentials({ db, accessTokens, refreshTokens })
  const grant = createGrant(accessTokens)
  const core = { db, betterAuth, credentials, grant, passwords, refreshTokens }

  return {
    register: createRegister(core),
    login: createLogin(core),
    refresh: createRefresh(core),
    logout: createLogout(core),
    ...createProfile(core),

    identify: credentials.resolve,
    prepare: accessTokens.prepare,
    publishedKeys: accessTokens.published,
  }
}
