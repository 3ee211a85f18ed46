import { Client, fetchExchange } from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import type { createSession } from '../browser/session.ts'

/**
 * Creates an urql client that signs in to Servauth with the cookie. If you add a `cacheExchange`, create a new client
 * whenever `session.watch` reports a change, so that no user sees data of the previous one.
 */
export function createClient(url: string, session: ReturnType<typeof createSession>) {
  return new Client({
    url: `${url}/graphql`,
    fetchOptions: { credentials: 'include' },
    // Servauth accepts operations only as POST.
    preferGetMethod: false,
    exchanges: [
      authExchange(async () => ({
        // Nothing to add: the browser sends the cookie.
        addAuthToOperation: (operation) => operation,
        didAuthError: ({ graphQLErrors }) =>
          graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED'),
        // One refresh for all operations that fail meanwhile. Then urql retries each operation once.
        refreshAuth: async () => void (await session.renew()),
      })),
      fetchExchange,
    ],
  })
}
