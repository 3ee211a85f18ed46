import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin } from 'better-auth/plugins/admin'
import { twoFactor } from 'better-auth/plugins/two-factor'
import { Pool } from 'pg'
import { createAuthenticator } from './authenticator.ts'
import { createDatabase } from './database.ts'
import { useResource } from './resource.ts'

const SECRET = 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0'

/** Better-Auth for the tests of this file or group. */
export const useBetterAuth = () => useResource(openBetterAuth)

/** Better-Auth as its documentation sets it up, on a database with the tables that it makes itself. */
export async function openBetterAuth() {
  const database = await createDatabase()
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  const pool = new Pool({ connectionString: database.url, max: 2 })
  // Its idle connections may outlive `end`, and then end with the database.
  pool.on('error', () => {})
  const options = {
    database: pool,
    secret: SECRET,
    baseURL: 'http://localhost:3000',
    telemetry: { enabled: false },
    logger: { disabled: true },
    emailAndPassword: { enabled: true },
    plugins: [admin(), twoFactor()],
  }
  await (await getMigrations(options)).runMigrations()
  const { api } = betterAuth(options)
  return {
    url: database.url,
    sql: database.sql,
    async signUp(input: { email: string; password: string; name: string }) {
      const { user } = await api.signUpEmail({ body: input })
      return user
    },
    secret: SECRET,
    /** Enrols an authenticator app. @returns its key, in Base32 */
    async enrolApp({ email, password }: { email: string; password: string }) {
      const { headers: answer } = await api.signInEmail({ body: { email, password }, returnHeaders: true })
      const headers = new Headers({ cookie: answer.getSetCookie().join('; ') })
      const enabled = await api.enableTwoFactor({ body: { password }, headers })
      const key = new URL('totpURI' in enabled ? enabled.totpURI : '').searchParams.get('secret') ?? ''
      await api.verifyTOTP({ body: { code: createAuthenticator(key).code() }, headers })
      return key
    },
    async close() {
      await pool.end()
      await database.drop()
    },
  }
}
