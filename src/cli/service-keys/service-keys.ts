import { createServiceKey } from '../../auth/services/service-key-secret.ts'
import type { Scope } from '../../contract/service-key.ts'
import { formatTime } from '../support/format-time.ts'
import { type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'

type Options = Output & { scopes: readonly Scope[]; expires?: Date; setting?: true }

/** Stores the hash of a new key, or prints its entry for a setting. The key itself is printed once. */
export async function createKeyForService(environment: Environment, name: string, options: Options) {
  const { scopes, expires: expiresAt, setting, json } = options
  if (setting) return createKeyForSetting(name, options)
  const created = await withCore(environment, ({ operator }) =>
    operator.createServiceKey({ name, scopes: [...scopes], expiresAt }).catch(explainRefusal()),
  )
  if (json) return printJson(created)
  printKey(name, created.key)
  const end = expiresAt ? ` until ${formatTime(expiresAt)}` : ''
  console.log(`Every server accepts it now${end}, for ${scopes.join(', ')}.
To replace another key of this service, revoke that one once the service uses this one.`)
}

function createKeyForSetting(name: string, { json }: Output) {
  const { key, hash } = createServiceKey()
  const entry = `${name}=${hash}`
  if (json) return printJson({ key, entry })
  printKey(name, key)
  console.log(`Add this entry to SERVICE_KEYS of every server, separated from others by a comma, and restart them:

  ${entry}`)
}

function printKey(name: string, key: string) {
  console.log(`The key of ${name}. Keep it as a secret of the service; it is not shown again:

  ${key}
`)
}

export async function listServiceKeys(environment: Environment, { json }: Output) {
  const keys = await withCore(environment, ({ operator }) => operator.serviceKeys(undefined))
  if (json) return printJson(keys)
  if (keys.length === 0) console.log('There are no service keys in the database.')
  for (const { id, name, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, valid } of keys) {
    const end = revokedAt
      ? `revoked ${formatTime(revokedAt)}`
      : expiresAt
        ? `${valid ? 'expires' : 'expired'} ${formatTime(expiresAt)}`
        : 'does not expire'
    const use = lastUsedAt ? `used ${formatTime(lastUsedAt)}` : 'never used'
    console.log(`${id}  ${name}: ${scopes.join(', ')}\n    created ${formatTime(createdAt)}, ${use}, ${end}`)
  }
}

export async function revokeServiceKey(environment: Environment, id: string, { json }: Output) {
  const explain = explainRefusal({
    NOT_FOUND: `There is no key with the id ${id}, or it is revoked already.`,
  })
  await withCore(environment, ({ operator }) => operator.revokeServiceKey({ id }).catch(explain))
  if (json) return printJson({ id })
  console.log(`The key ${id} is revoked. Every server refuses it now.`)
}
