import type { Sql } from 'postgres'
import { createServiceKey } from '../../src/auth/services/service-key-secret.ts'
import { type Scope, VERIFIER_SCOPES } from '../../src/contract/service-key.ts'

/** A service key and the setting that lets the server know it. */
export function createKeySetting(name = 'orders') {
  const { key, hash } = createServiceKey()
  return { key, settings: { SERVICE_KEYS: `${name}=${hash}` } }
}

/** Writes the row of a new key, as the command does. */
export async function insertServiceKey(sql: Sql, scopes: readonly Scope[] = VERIFIER_SCOPES) {
  const { key, hash } = createServiceKey()
  const [row] = await sql`insert into service_keys (name, hash, scopes)
    values ('orders', ${hash}, string_to_array(${scopes.join(' ')}, ' ')) returning id`
  return { key, id: `${row?.id}` }
}
