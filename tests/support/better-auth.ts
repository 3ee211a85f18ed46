import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin } from 'better-auth/plugins/admin'
import { Pool } from 'pg'
import { createDatabase } from './database.ts'
import { useResource } from './resource.ts'

/** Better-Auth for the tests of this file or group. */
export const useBetterAuth = () => useResource(openBetterAuth)

/** Better-Auth as its documentation sets it up, on a database with the tables that it makes itself. */
async function openBetterAuth() {
  const database = await createDatabase()
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  const pool = new Pool({ connectionString: database.url, max: 2 })
  // Its idle connections may outlive `end`, and then end with the database.
  pool.on('error', () => {})
  const options = {
    database: pool,
    secret: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    baseURL: 'http://localhost:3000',
    telemetry: { enabled: false },
    logger: { disabled: true },
    emailAndPassword: { enabled: true },
    plugins: [admin()],
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
    async close() {
      await pool.end()
      await database.drop()
    },
  }
}
