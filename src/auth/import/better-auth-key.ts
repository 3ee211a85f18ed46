import { symmetricDecrypt } from 'better-auth/crypto'

/** Before it, Better-Auth writes which of several secrets it has used. */
const VERSION = /^\$ba\$\d+\$/

/** The text of an authenticator app's key, as Better-Auth's plugin `two-factor` stores it. Null with another secret. */
export const decryptTotpKey = (encrypted: string, secret: string): Promise<string | null> =>
  symmetricDecrypt({ key: secret, data: encrypted.replace(VERSION, '') }).catch(() => null)
