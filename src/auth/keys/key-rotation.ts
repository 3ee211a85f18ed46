import type { Dependencies } from '../dependencies.ts'

type Parts = Pick<Dependencies, 'betterAuth' | 'signingKeys'>

/** What an operator can do with the keys that sign access tokens. */
export function createKeyRotation({ betterAuth: { api }, signingKeys }: Parts) {
  return {
    /** Lists all keys with their times, oldest first. */
    list: () => signingKeys.list(),

    /** @throws if the signing key cannot be decrypted, because `AUTH_SECRET` is another one. */
    check: async () => void (await api.getSigningKey()),

    /** Adds the next key. It signs by itself after the lead time. @returns false if there is one already */
    rotate: async () => (await api.addSigningKey()) !== null,
  }
}
