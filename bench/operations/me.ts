import postgres from 'postgres'
import type { Bench, Operation } from '../rig/bench.ts'
import type { ServerCommand } from '../rig/server-process.ts'
import type { Load, Request } from '../rig/wrk.ts'
import { ANY_USER, formatEmail } from '../subjects/accounts.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import {
  createHttpSubject,
  createRequestForEachUser,
  createUnreadRequests,
} from '../subjects/http-subject.ts'
import { setUpParseServer, signIn as signInToParse } from '../subjects/parse-server.ts'
import { setUpServauth, signIn, type Transport } from '../subjects/servauth.ts'

export const REST: Request = { method: 'GET', path: '/auth/me' }
const GRAPHQL: Request = { method: 'POST', path: '/graphql', body: { query: '{ me { id email username } }' } }
const PARSE_GRAPHQL: Request = {
  ...GRAPHQL,
  body: { query: '{ viewer { user { objectId email username } } }' },
}

export const createUserLoad = (requests: Request[]): Load => ({ requests, status: 200, text: ANY_USER })

/** The load for a server that answers with constant data. */
function unread(request: Request) {
  const load = createUserLoad(createUnreadRequests(request))
  return () => load
}

/** A server from `servers/` that answers with constant data. */
export const createConstantServer = (name: string) => async (): Promise<ServerCommand> => ({
  command: [process.execPath, `servers/${name}.ts`],
  env: {},
  ready: '/health',
})

function createMeSubject(request: Request, transport: Transport, { hasLog = true } = {}) {
  return createHttpSubject(
    `Servauth, ${transport === 'TOKEN' ? 'bearer' : 'cookie'}${hasLog ? '' : ', without log lines'}`,
    async (bench) => {
      const { server } = await setUpServauth(bench)
      return hasLog ? server : { ...server, env: { ...server.env, LOG_LEVEL: 'error' } }
    },
    async (_bench, url) => {
      const requests = await createRequestForEachUser(url, (user) => signIn(url, user, transport), request)
      return () => createUserLoad(requests)
    },
  )
}

export const restMe: Operation = {
  title: '`me` by REST',
  subjects: [
    createMeSubject(REST, 'TOKEN'),
    createMeSubject(REST, 'TOKEN', { hasLog: false }),
    createMeSubject(REST, 'COOKIE'),
    createHttpSubject('bare Hono', createConstantServer('hono'), async () => unread(REST)),
    createHttpSubject('one prepared statement on Hono', getStatementServer, async (bench, url) => {
      const ids = await readSessionIds(bench)
      const bearer = async (user: number) => ({ authorization: `Bearer ${ids[user - 1]}` })
      const requests = await createRequestForEachUser(url, bearer, REST)
      return () => createUserLoad(requests)
    }),
    createHttpSubject(
      'Better-Auth',
      (bench) => setUpBetterAuth(bench, 'argon2id'),
      async (_bench, url) => {
        const session = { method: 'GET', path: '/api/auth/get-session' }
        const requests = await createRequestForEachUser(url, (user) => signInToBetterAuth(url, user), session)
        return () => createUserLoad(requests)
      },
    ),
    createHttpSubject('Parse Server', setUpParseServer, async (_bench, url) => {
      const session = { method: 'GET', path: '/parse/users/me' }
      const requests = await createRequestForEachUser(url, (user) => signInToParse(url, user), session)
      return () => createUserLoad(requests)
    }),
  ],
}

export const graphqlMe: Operation = {
  title: '`me` by GraphQL',
  subjects: [
    createMeSubject(GRAPHQL, 'TOKEN'),
    createMeSubject(GRAPHQL, 'COOKIE'),
    createHttpSubject('graphql-js on Hono', createConstantServer('graphql-js'), async () => unread(GRAPHQL)),
    createHttpSubject('trimmed Yoga', createConstantServer('yoga'), async () => unread(GRAPHQL)),
    createHttpSubject('Parse Server', setUpParseServer, async (_bench, url) => {
      const requests = await createRequestForEachUser(url, (user) => signInToParse(url, user), PARSE_GRAPHQL)
      return () => createUserLoad(requests)
    }),
  ],
}

export async function getStatementServer(bench: Bench): Promise<ServerCommand> {
  const { databaseUrl } = await setUpServauth(bench)
  const command = [process.execPath, 'servers/statement.ts']
  return { command, env: { DATABASE_URL: databaseUrl }, ready: '/health' }
}

/** The ids of one live session for each of the first hundred users. */
export async function readSessionIds(bench: Bench) {
  const { databaseUrl } = await setUpServauth(bench)
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    const emails = Array.from({ length: 100 }, (_, index) => formatEmail(index + 1))
    const rows = await sql`
      select distinct on (email) sessions.id from sessions join users on users.id = user_id
      where email = any(${emails}) and expires_at > now() order by email`
    return rows.map(({ id }) => String(id))
  } finally {
    await sql.end()
  }
}
