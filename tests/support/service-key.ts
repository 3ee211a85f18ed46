import { createServiceKey } from '../../src/auth/services/service-key-secret.ts'

/** A service key and the setting that lets the server know it. */
export function createKeySetting(name = 'orders') {
  const { key, hash } = createServiceKey()
  return { key, settings: { SERVICE_KEYS: `${name}=${hash}` } }
}
