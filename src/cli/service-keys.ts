import { MAX_SERVICE_KEYS } from '../auth/services/service-key-changes.ts'
import { createServiceKey } from '../auth/services/service-key-secret.ts'
import type { Scope } from '../contract/service-key.ts'
import { CommandError } from './support/command-error.ts'
import { formatTime } from './support/format-time.ts'
import { type Environment, withService } from './support/with-service.ts'

type Options = { scopes: readonly Scope[]; expires?: Date; setting?: true }

/** Stores the hash of a new key, or prints its entry for a setting. The key itself is printed once. */
export async function createKeyForService(environment: Environment, name: string, options: Options) {
  const { scopes, expires, setting } = options
  if (setting) return createKeyForSetting(name)
  const created = await withService(environment, ({ serviceKeyChanges }) =>
    serviceKeyChanges.create({ name, scopes, expiresAt: expires ?? null }),
  )
  if (!created)
    throw new CommandError(`There are ${MAX_SERVICE_KEYS} keys. Revoke those that no service uses.`)
  printKey(name, created.key)
  const end = expires ? ` until ${formatTime(expires)}` : ''
  console.log(`Every server accepts it now${end}, for ${scopes.join(', ')}.
To replace another key of this service, revoke that one once the service uses this one.`)
}

function createKeyForSetting(name: string) {
  const { key, hash } = createServiceKey()
  printKey(name, key)
  console.log(`Add this entry to SERVICE_KEYS of every server, separated from others by a comma, and restart them:

  ${name}=${hash}`)
}

function printKey(name: string, key: string) {
  console.log(`The key of ${name}. Keep it as a secret of the service; it is not shown again:

  ${key}
`)
}

export async function listServiceKeys(environment: Environment) {
  const keys = await withService(environment, ({ serviceKeyChanges }) => serviceKeyChanges.list())
  if (keys.length === 0) console.log('There are no service keys in the database.')
  for (const { id, name, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, isValid } of keys) {
    const end = revokedAt
      ? `revoked ${formatTime(revokedAt)}`
      : expiresAt
        ? `${isValid ? 'expires' : 'expired'} ${formatTime(expiresAt)}`
        : 'does not expire'
    const use = lastUsedAt ? `used ${formatTime(lastUsedAt)}` : 'never used'
    console.log(`${id}  ${name}: ${scopes.join(', ')}\n    created ${formatTime(createdAt)}, ${use}, ${end}`)
  }
}

export async function revokeServiceKey(environment: Environment, id: string) {
  const name = await withService(environment, ({ serviceKeyChanges }) => serviceKeyChanges.revoke(id))
  if (name === null) throw new CommandError(`There is no key with the id ${id} that is not revoked.`)
  console.log(`The key ${id} of ${name} is revoked. Every server refuses it now.`)
}
