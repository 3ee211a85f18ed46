import { registerWithTotp } from './authenticator.ts'
import type { Adapter } from './client.ts'
import type { Server } from './server.ts'

/**
 * A new user with these roles, who has proven a second factor now. Its session has a cookie, which a change of roles
 * leaves valid: an access token would be refused as expired.
 */
export async function registerAdministrator(
  server: Pick<Server, 'registerUser' | 'sql' | 'catchUp'>,
  roles: string[] = ['admin'],
  adapter: Adapter = 'REST',
) {
  const person = await registerWithTotp(server, adapter, 'COOKIE')
  await server.sql`update users set roles = ${roles} where email = ${person.email}`
  await server.catchUp()
  return person
}

/** Adds a role by plain SQL, unless a first attempt of the test has added it. */
export async function addRole(
  { sql, catchUp }: Pick<Server, 'sql' | 'catchUp'>,
  name: string,
  permissions: string[],
) {
  await sql`insert into roles (name, permissions) values (${name}, ${permissions}) on conflict do nothing`
  await catchUp()
}
