import type { Bench } from '../rig/bench.ts'
import { median } from '../rig/results.ts'
import { pause, type RunningServer, startServer } from '../rig/server-process.ts'
import { type Load, type Request, runWrk } from '../rig/wrk.ts'
import { ANY_USER, PASSWORD } from '../subjects/accounts.ts'
import type { openRig } from './rig.ts'

type Rig = Awaited<ReturnType<typeof openRig>>
type Subject = {
  name: string
  server: RunningServer
  load: () => Load | Promise<Load>
  connections?: number
  /** How many times as long as others it is measured. */
  times?: number
}
/** Answers a second, and answers for a second of the server's processor time, which other programs disturb less. */
type Rate = { perSecond: number; byProcessor: number }
/** By the name of the subject: its rates in each turn. */
export type Rates = Map<string, Rate[]>

const CONNECTIONS = 64
/** After many answers of `me`, a server lets few other operations wait for a moment. */
const SETTLE_MS = 1000
/** For requests that hash: fewer, so that none waits too long in the hashing queue, and for longer, so that there are enough. */
const HASHING = { connections: 16, times: 5 }
const MAX_REFRESHES_PER_SECOND = 4000

const USERS = `query Users($first: Int) {
  users(first: $first) {
    edges {
      cursor
      node {
        id email emailVerified pendingEmail username locale roles createdAt updatedAt
        claims disabledAt hasSecondFactor factorRecoveryAt
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`

/** `users(first: 50)` by both adapters, as an administrator asks it, beside its statement alone. */
export async function measureUsers(bench: Bench, rig: Rig, server: RunningServer, turns: number) {
  const statement = await startServer(bench, {
    command: [process.execPath, 'servers/statement.ts'],
    env: { DATABASE_URL: rig.databaseUrl },
    ready: '/health',
  })
  try {
    const headers = await signInAdministrator(rig, server)
    const path = '/auth/admin/users?first=50'
    const body = { query: USERS, variables: { first: 50 } }
    return await measureInTurns(bench, turns, [
      { name: 'its statement alone', server: statement, load: asks({ method: 'GET', path }) },
      { name: '`users(first: 50)` by REST', server, load: asks({ method: 'GET', path, headers }) },
      {
        name: '`users(first: 50)` by GraphQL',
        server,
        load: asks({ method: 'POST', path: '/graphql', headers, body }),
      },
    ])
  } finally {
    await statement.stop()
  }
}

/** Requests of a service with its key, beside `me` of a user. */
export async function measureKeyChecks(bench: Bench, rig: Rig, server: RunningServer, turns: number) {
  const tokens = await Promise.all(
    (await rig.openSessions(rig.withoutRoles, 100)).map((token) => refresh(server, token)),
  )
  const authorization = `Bearer ${rig.key}`
  const of = (name: string, text: string, toRequest: (token: string) => Request): Subject => ({
    name,
    server,
    load: () => ({ requests: tokens.map(toRequest), status: 200, text }),
  })
  return measureInTurns(bench, turns, [
    of('`me`', ANY_USER, (token) => ({
      method: 'GET',
      path: '/auth/me',
      headers: { authorization: `Bearer ${token}` },
    })),
    of('introspection with a key', '"active":true', (token) => ({
      method: 'POST',
      path: '/auth/introspect',
      headers: { authorization },
      body: { token },
    })),
    of('`roles` with a key', '"admin"', () => ({
      method: 'GET',
      path: '/auth/admin/roles',
      headers: { authorization },
    })),
  ])
}

/** Sign-ins and refreshes that rotate, of users with roles and claims beside users without. */
export async function measureSignIns(bench: Bench, rig: Rig, server: RunningServer, turns: number) {
  const logins = (name: string, users: Rig['withRoles']): Subject => ({
    name,
    server,
    ...HASHING,
    load: () => ({
      requests: users.map(({ email }) =>
        post('/auth/login', { email, password: PASSWORD, transport: 'TOKEN' }),
      ),
      status: 200,
      text: ANY_USER,
    }),
  })
  const refreshes = (name: string, users: Rig['withRoles']): Subject => ({
    name,
    server,
    load: async () => {
      const tokens = await rig.openSessions(users, bench.seconds * MAX_REFRESHES_PER_SECOND)
      const requests = tokens.map((refreshToken) => post('/auth/refresh', { refreshToken }))
      return { requests, status: 200, text: ANY_USER, once: true }
    },
  })
  return measureInTurns(bench, turns, [
    logins('login', rig.withoutRoles),
    logins('login with roles and claims', rig.withRoles),
    refreshes('refresh', rig.withoutRoles),
    refreshes('refresh with roles and claims', rig.withRoles),
  ])
}

/**
 * Measures all subjects in short turns, so that other programs disturb all alike, in the other order each time, so that none
 * has always the same one before it. The first turn only warms up.
 */
async function measureInTurns(bench: Bench, turns: number, subjects: Subject[]): Promise<Rates> {
  const rates: Rates = new Map(subjects.map(({ name }) => [name, []]))
  for (let turn = 0; turn <= turns; turn++) {
    const inOrder = turn % 2 === 0 ? subjects : subjects.toReversed()
    for (const { name, server, load, connections = CONNECTIONS, times = 1 } of inOrder) {
      const requests = await load()
      await pause(SETTLE_MS)
      const processorBefore = server.cpuSeconds()
      const shape = { seconds: times * bench.seconds, connections }
      const { perSecond, answers, faults } = await runWrk(bench, server.url, requests, shape)
      if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`)
      const byProcessor = answers / (server.cpuSeconds() - processorBefore)
      if (turn > 0) rates.get(name)?.push({ perSecond, byProcessor })
    }
  }
  return rates
}

/** The median of a figure, or of its ratios to a reference in the same turns. */
export function medianOf(rates: Rates, figure: keyof Rate, name: string, reference?: string) {
  const others = reference === undefined ? undefined : rates.get(reference)
  const values = (rates.get(name) ?? []).map((rate) => rate[figure])
  return median(others ? values.map((value, turn) => value / (others[turn]?.[figure] ?? Number.NaN)) : values)
}

const asks = (request: Request) => (): Load => ({ requests: [request], status: 200, text: ANY_USER })
const post = (path: string, body: object): Request => ({ method: 'POST', path, body })

/** A user with the role `admin`, in a session that has proven a second factor now. */
async function signInAdministrator(rig: Rig, server: RunningServer) {
  const [user] = await rig.sql<{ id: string }[]>`
    insert into users (email, password, roles, created_at)
    values ('admin@bench.test', 'x', '{admin}', now() - interval '10 years') returning id`
  const [token = ''] = await rig.openSessions(user ? [user] : [], 1)
  await rig.sql`update sessions set factor_at = now(), amr = 'pwd otp' where user_id = ${user?.id ?? ''}`
  return { authorization: `Bearer ${await refresh(server, token)}` }
}

async function refresh({ url }: RunningServer, refreshToken: string): Promise<string> {
  const response = await fetch(`${url}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refreshToken }),
  })
  const { accessToken } = (await response.json()) as { accessToken: string }
  return accessToken
}
