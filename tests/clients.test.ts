import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { fetchExchange, Client as UrqlClient } from '@urql/core'
import { parse } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  LoginDocument,
  LogoutDocument,
  MeDocument,
  RefreshDocument,
  RegisterDocument,
} from '../packages/client/src/generated/operations.ts'
import { account } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()
let listener: ReturnType<typeof Bun.serve>
let url: string
beforeAll(async () => {
  listener = Bun.serve({
    port: 0,
    fetch: (request) => server.app.fetch(request, () => '127.0.0.1'),
  })
  url = `http://localhost:${listener.port}/graphql`
})
afterAll(() => listener.stop(true))

/** A fetch that keeps cookies, as a browser does and Bun does not. */
function fetchWithCookie() {
  const cookies = new Map<string, string>()
  return Object.assign(
    async (input: RequestInfo | URL, init?: RequestInit) => {
      const headers = new Headers(init?.headers)
      if (cookies.size > 0) headers.set('cookie', [...cookies].map((cookie) => cookie.join('=')).join('; '))
      const response = await fetch(input, { ...init, headers })
      for (const set of response.headers.getSetCookie()) {
        const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=')
        cookies.set(name, value)
      }
      return response
    },
    { preconnect: fetch.preconnect },
  )
}

test('Apollo Client registers, reads the user, refreshes and logs out', async () => {
  const apollo = new ApolloClient({
    link: new HttpLink({ uri: url, fetch: fetchWithCookie() }),
    cache: new InMemoryCache(),
    defaultOptions: { query: { fetchPolicy: 'network-only' } },
  })
  const input = account()
  const mutation = (document: { toString(): string }) => parse(String(document))

  const registered = await apollo.mutate({ mutation: mutation(RegisterDocument), variables: { input } })
  const me = await apollo.query({ query: mutation(MeDocument) })
  const refreshed = await apollo.mutate({ mutation: mutation(RefreshDocument) })
  const loggedOut = await apollo.mutate({ mutation: mutation(LogoutDocument) })
  const signedOut = await apollo.query({ query: mutation(MeDocument), errorPolicy: 'all' })
  const wrong = apollo.mutate({
    mutation: mutation(LoginDocument),
    variables: { input: { ...input, password: 'not it' } },
  })

  expect(registered.data).toMatchObject({ register: { user: { email: input.email } } })
  expect(me.data).toMatchObject({ me: { email: input.email } })
  expect(refreshed.data).toMatchObject({ refresh: { accessToken: expect.any(String) } })
  expect(loggedOut.data).toEqual({ logout: true })
  expect(signedOut.data).toEqual({ me: null })
  await expect(wrong).rejects.toMatchObject({ errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] })
})

test('urql registers, reads the user, refreshes and logs out', async () => {
  const urql = new UrqlClient({
    url,
    exchanges: [fetchExchange],
    fetch: fetchWithCookie(),
    preferGetMethod: false,
  })
  const input = account()

  const registered = await urql.mutation(RegisterDocument.toString(), { input })
  const me = await urql.query(MeDocument.toString(), {})
  const refreshed = await urql.mutation(RefreshDocument.toString(), {})
  const loggedOut = await urql.mutation(LogoutDocument.toString(), {})
  const signedOut = await urql.query(MeDocument.toString(), {})
  const wrong = await urql.mutation(LoginDocument.toString(), { input: { ...input, password: 'not it' } })

  expect(registered.data?.register.user.email).toBe(input.email)
  expect(me.data?.me?.email).toBe(input.email)
  expect(refreshed.data?.refresh.accessToken).toEqual(expect.any(String))
  expect(loggedOut.data).toEqual({ logout: true })
  expect(signedOut.data).toEqual({ me: null })
  expect(wrong.error?.graphQLErrors[0]?.extensions).toEqual({ code: 'INVALID_CREDENTIALS' })
})

test.each([{ useGETForHashedQueries: false }, { useGETForHashedQueries: true }])(
  'Apollo Client with automatic persisted queries (%j) falls back to full queries, and asks only once',
  async (options) => {
    const requests: string[] = []
    const send = (input: RequestInfo | URL, init?: RequestInit) => {
      requests.push(`${init?.method} ${String(init?.body ?? '').includes('query Me')}`)
      return fetch(input, init)
    }
    const sha256 = (query: string) => new Bun.CryptoHasher('sha256').update(query).digest('hex')
    const http = new HttpLink({ uri: url, fetch: Object.assign(send, { preconnect: fetch.preconnect }) })
    const apollo = new ApolloClient({
      link: new PersistedQueryLink({ sha256, ...options }).concat(http),
      cache: new InMemoryCache(),
      defaultOptions: { query: { fetchPolicy: 'network-only' } },
    })

    const first = await apollo.query({ query: parse(String(MeDocument)) })
    const second = await apollo.query({ query: parse(String(MeDocument)) })

    expect([first.data, second.data]).toEqual([{ me: null }, { me: null }])
    const hashed = options.useGETForHashedQueries ? 'GET false' : 'POST false'
    expect(requests).toEqual([hashed, 'POST true', 'POST true'])
  },
)

test('Apollo Client sees the code of a refusal before execution', async () => {
  const apollo = new ApolloClient({ link: new HttpLink({ uri: url }), cache: new InMemoryCache() })
  const mutation = parse(String(LoginDocument))

  const answer = apollo.mutate({ mutation, variables: { input: { ...account(), transport: 'PIGEON' } } })

  await expect(answer).rejects.toMatchObject({
    errors: [{ extensions: { code: 'INVALID_INPUT', fields: [{ path: 'transport' }] } }],
  })
})

test('urql with its default of GET is told to use POST', async () => {
  const urql = new UrqlClient({ url, exchanges: [fetchExchange] })

  const { error } = await urql.query(MeDocument.toString(), {})

  expect(error?.graphQLErrors).toMatchObject([
    { message: 'Send GraphQL operations by POST.', extensions: { code: 'METHOD_NOT_ALLOWED' } },
  ])
})
