import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin } from 'better-auth/plugins/admin'
import { Pool } from 'pg'
import { afterAll } from 'vitest'
import { createDatabase } from './database.ts'

/** Bare Better-Auth as its documents set it up, on a database of its own with the tables that it makes itself. */
export async function startBetterAuth() {
  const database = await createDatabase()
  await database.sql`drop schema public cascade`
  await database.sql`create schema public`
  const pool = new Pool({ connectionString: database.url, max: 2 })
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
  afterAll(async () => {
    await pool.end()
    await database.drop()
  })

  return {
    url: database.url,
    sql: database.sql,
    async signUp(input: { email: string; password: string; name: string }) {
      const { user } = await api.signUpEmail({ body: input })
      return user
    },
  }
}
