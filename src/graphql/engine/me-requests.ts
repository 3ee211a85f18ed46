import { LRUCache } from 'lru-cache'

/** The memory of all bodies together. A client with an account can fill it. */
export const MAX_REQUEST_BYTES = 1024 * 1024
/** Real clients send some hundred characters. */
const MAX_BODY_CHARACTERS = 2048
/** What an entry takes besides its body, as measured. */
const ENTRY_BYTES = 300

/**
 * The keys of the answers to `me` by the bodies of requests: the same body again is neither parsed nor checked. Only of
 * `me`, because it takes no argument. The body of another operation may contain a secret.
 */
export function createMeRequests() {
  const keys = new LRUCache<string, string>({
    maxSize: MAX_REQUEST_BYTES,
    sizeCalculation: (_key, body) => ENTRY_BYTES + 2 * body.length,
  })
  return {
    /** A long body is not looked up, because that reads all of it. */
    find: (body: string) => (body.length <= MAX_BODY_CHARACTERS ? keys.get(body) : undefined),
    /** @internal What the bodies take, as it is counted. */
    bytes: () => keys.calculatedSize,
    add(body: string, key: string) {
      if (body.length <= MAX_BODY_CHARACTERS) keys.set(body, key)
    },
  }
}
