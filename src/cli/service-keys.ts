import { createServiceKey } from '../auth/services/service-keys.ts'

/** Prints a new key and its entry for `SERVICE_KEYS`. Neither is stored. */
export function createKeyForService(name: string) {
  const { key, hash } = createServiceKey()
  console.log(`The key of ${name}. Keep it as a secret of the service; it is not shown again:

  ${key}

Add this entry to SERVICE_KEYS of every server, separated from others by a comma, and restart them:

  ${name}=${hash}

To replace a key, list both entries until the service uses the new key.`)
}
