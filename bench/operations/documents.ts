import type { Bench, Operation } from '../rig/bench.ts'
import type { Request } from '../rig/wrk.ts'
import { ANY_USER } from '../subjects/accounts.ts'
import {
  createHttpSubject,
  createRequestForEachUser,
  createUnreadRequests,
} from '../subjects/http-subject.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { createConstantServer, getStatementServer, readSessionIds } from './me.ts'

const ACCEPT = 'application/graphql-response+json,application/json;q=0.9'
const extensions = { clientLibrary: { name: '@apollo/client', version: '4.3.8' } }

/** Requests as the clients send them. */
const DOCUMENTS: Record<string, object> = {
  'Apollo, fragment': {
    operationName: 'Me',
    variables: {},
    extensions,
    query:
      'query Me {\n  me {\n    ...UserFields\n    __typename\n  }\n}\n\nfragment UserFields on User {\n  id\n  email\n  username\n  emailVerified\n  createdAt\n  __typename\n}',
  },
  'Apollo, variable': {
    operationName: 'Me',
    variables: { full: true },
    extensions,
    query:
      'query Me($full: Boolean!) {\n  me {\n    id\n    email\n    username @include(if: $full)\n    createdAt @include(if: $full)\n    __typename\n  }\n}',
  },
  urql: {
    operationName: 'Me',
    variables: {},
    query: 'query Me {\n  me {\n    id\n    email\n    username\n    __typename\n  }\n}',
  },
}

const LISTS: Record<string, object> = {
  sessions: {
    operationName: 'Sessions',
    variables: {},
    extensions,
    query:
      'query Sessions {\n  sessions {\n    id\n    createdAt\n    lastUsedAt\n    expiresAt\n    ipAddress\n    userAgent\n    current\n    __typename\n  }\n}',
  },
  events: {
    operationName: 'Events',
    variables: { first: 20 },
    extensions,
    query:
      'query Events($first: Int) {\n  events(first: $first) {\n    id\n    kind\n    createdAt\n    ipAddress\n    userAgent\n    __typename\n  }\n}',
  },
}

const post = (body: object): Request => ({
  method: 'POST',
  path: '/graphql',
  headers: { accept: ACCEPT },
  body,
})

const getServauth = async (bench: Bench) => (await setUpServauth(bench)).server

const ofMe = Object.entries(DOCUMENTS).flatMap(([name, body]) => {
  const load = (requests: Request[]) => ({ requests, status: 200, text: ANY_USER })
  return [
    createHttpSubject(`Servauth, ${name}`, getServauth, async (_bench, url) => {
      const requests = await createRequestForEachUser(url, (user) => signIn(url, user, 'TOKEN'), post(body))
      return () => load(requests)
    }),
    createHttpSubject(
      `graphql-js on Hono, ${name}`,
      createConstantServer('graphql-js'),
      async () => () => load(createUnreadRequests(post(body))),
    ),
  ]
})

const ofLists = Object.entries(LISTS).flatMap(([name, body]) => {
  const load = (requests: Request[]) => ({ requests, status: 200, text: '"id":"' })
  return [
    createHttpSubject(`Servauth, ${name}`, getServauth, async (_bench, url) => {
      const requests: Request[] = []
      for (let user = 1; user <= 100; user++) {
        const request = post(body)
        requests.push({ ...request, headers: { ...request.headers, ...(await signIn(url, user, 'TOKEN')) } })
      }
      return () => load(requests)
    }),
    createHttpSubject(`one prepared statement on Hono, ${name}`, getStatementServer, async (bench) => {
      const ids = await readSessionIds(bench)
      const headers = ids.map((id) => ({ authorization: `Bearer ${id}` }))
      return () => load(headers.map((headers) => ({ method: 'GET', path: `/auth/${name}`, headers })))
    }),
  ]
})

export const documents: Operation = {
  title: 'documents of real clients',
  subjects: [...ofMe, ...ofLists],
}
