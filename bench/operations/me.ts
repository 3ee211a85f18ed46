import postgres from 'postgres'
import type { Bench, Operation } from '../rig/bench.ts'
import type { Server } from '../rig/process.ts'
import type { Load, Request } from '../rig/wrk.ts'
import { ANY_USER, emailOf } from '../subjects/accounts.ts'
import { betterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { asEachUser, overHttp } from '../subjects/over-http.ts'
import { parseServer, signIn as signInToParse } from '../subjects/parse-server.ts'
import { servauth, signIn, type Transport } from '../subjects/servauth.ts'

export const REST: Request = { method: 'GET', path: '/auth/me' }
const GRAPHQL: Request = { method: 'POST', path: '/graphql', body: { query: '{ me { id email username } }' } }
const PARSE_GRAPHQL: Request = {
  ...GRAPHQL,
  body: { query: '{ viewer { user { objectId email username } } }' },
}

export const answersUser = (requests: Request[]): Load => ({ requests, status: 200, text: ANY_USER })

/** A server of this folder with constant data. */
export const constant = (name: string) => async (): Promise<Server> => ({
  command: [process.execPath, `servers/${name}.ts`],
  env: {},
  ready: '/health',
})

export function servauthMe(request: Request, transport: Transport) {
  return overHttp(
    `Servauth, ${transport === 'TOKEN' ? 'bearer' : 'cookie'}`,
    async (bench) => (await servauth(bench)).server,
    async (_bench, url) => {
      const requests = await asEachUser(url, (user) => signIn(url, user, transport), request)
      return () => answersUser(requests)
    },
  )
}

export const restMe: Operation = {
  title: '`me` by REST',
  subjects: [
    servauthMe(REST, 'TOKEN'),
    servauthMe(REST, 'COOKIE'),
    overHttp('bare Hono', constant('hono'), async () => () => answersUser([REST])),
    overHttp('one prepared statement on Hono', statement, async (bench, url) => {
      const ids = await sessionIds(bench)
      const bearer = async (user: number) => ({ authorization: `Bearer ${ids[user - 1]}` })
      const requests = await asEachUser(url, bearer, REST)
      return () => answersUser(requests)
    }),
    overHttp(
      'Better-Auth',
      (bench) => betterAuth(bench, 'argon2id'),
      async (_bench, url) => {
        const session = { method: 'GET', path: '/api/auth/get-session' }
        const requests = await asEachUser(url, (user) => signInToBetterAuth(url, user), session)
        return () => answersUser(requests)
      },
    ),
    overHttp('Parse Server', parseServer, async (_bench, url) => {
      const session = { method: 'GET', path: '/parse/users/me' }
      const requests = await asEachUser(url, (user) => signInToParse(url, user), session)
      return () => answersUser(requests)
    }),
  ],
}

export const graphqlMe: Operation = {
  title: '`me` by GraphQL',
  subjects: [
    servauthMe(GRAPHQL, 'TOKEN'),
    servauthMe(GRAPHQL, 'COOKIE'),
    overHttp('graphql-js on Hono', constant('graphql-js'), async () => () => answersUser([GRAPHQL])),
    overHttp('trimmed Yoga', constant('yoga'), async () => () => answersUser([GRAPHQL])),
    overHttp('Parse Server', parseServer, async (_bench, url) => {
      const requests = await asEachUser(url, (user) => signInToParse(url, user), PARSE_GRAPHQL)
      return () => answersUser(requests)
    }),
  ],
}

async function statement(bench: Bench): Promise<Server> {
  const { databaseUrl } = await servauth(bench)
  const command = [process.execPath, 'servers/statement.ts']
  return { command, env: { DATABASE_URL: databaseUrl }, ready: '/health' }
}

/** One live session of each of the first hundred users. */
async function sessionIds(bench: Bench) {
  const { databaseUrl } = await servauth(bench)
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    const emails = Array.from({ length: 100 }, (_, index) => emailOf(index + 1))
    const rows = await sql`
      select distinct on (email) sessions.id from sessions join users on users.id = user_id
      where email = any(${emails}) and expires_at > now() order by email`
    return rows.map(({ id }) => String(id))
  } finally {
    await sql.end()
  }
}
