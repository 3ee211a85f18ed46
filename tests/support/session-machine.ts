import type fc from 'fast-check'
import { decodeJwt } from 'jose'
import { expect } from 'vitest'
import {
  type Adapter,
  type Answer,
  account,
  type Client,
  createClient,
  type Transport,
  WAYS,
} from './client.ts'
import type { Server } from './server.ts'
import {
  type Credential,
  callerOf,
  changePassword,
  deleteMe,
  explain,
  GRACE_SECONDS,
  IDLE_SECONDS,
  identify,
  liveSessions,
  logout,
  MAX_REQUEST_SECONDS,
  type Model,
  type Moment,
  openSession,
  type Reply,
  refresh,
  refreshAsAttacker,
  revokeOtherSessions,
  revokeSession,
  signIn,
} from './session-model.ts'
import { pause } from './time.ts'

// Sends requests to the real server and has the model explain the answers.

const USERS = [0, 1]

/** Each of two users, signed in by each adapter with each transport. */
export const CAST = USERS.flatMap((user) => WAYS.map((way) => ({ ...way, user })))

/**
 * A client that takes part in a run and keeps its credentials. `former` is the secret that its last refresh replaced,
 * which requests that were under way then still present.
 */
type Player = { client: Client; transport: Transport; former?: { secret: string; replacedAt: number } }
type Real = { server: Server; players: Player[]; emails: string[] }

/** The random part of a request: the client that sends it, the session or secret that it names, and how. */
type Choice = {
  player: number
  which: number
  isLost: boolean
  how: 'as it was' | 'by the other transport' | 'forged'
}

/** Sends a request and says which moment explains its answer. */
type Send = (choice: Choice, real: Real, model: Model) => Promise<Sent>
type Sent = { answer: Answer<unknown>; moment: Moment }

export type RequestName = keyof typeof REQUESTS

const REQUESTS = {
  /** A client whose reply is lost keeps its former secret. */
  async refresh({ player, isLost }, { players }, { now }) {
    const own = at(players, player)
    const secret = withoutName(own.client.secret())
    const answer = await (isLost ? own.client.twin() : own.client).refresh()
    const isReplaced = secret !== withoutName(own.client.secret())
    if (secret && isReplaced) own.former = { secret, replacedAt: now }
    return { answer, moment: refresh(secret, own.transport, replyOf(answer)) }
  },

  /** A request that was sent before the last refresh was answered, and arrives after it. */
  async delayedRefresh({ player }, { server, players }, { now }) {
    const { client, transport, former } = at(players, player)
    const isUnderWay = former && now - former.replacedAt < MAX_REQUEST_SECONDS
    const secret = isUnderWay ? former.secret : withoutName(client.secret())
    const answer = await holderOf(server, transport, secret).refresh()
    return { answer, moment: refresh(secret, transport, replyOf(answer)) }
  },

  /** An attacker presents any secret that was ever issued, perhaps by the other transport or with a changed bit. */
  async replay({ which, how }, { server }, { issued }) {
    const [secret, { transport: own }] = at(Object.entries(issued), which)
    const transport = how === 'by the other transport' ? other(own) : own
    const presented = how === 'forged' ? forge(secret) : secret
    const answer = await holderOf(server, transport, presented).refresh()
    return { answer, moment: refreshAsAttacker(presented, transport, replyOf(answer)) }
  },

  /** Logs in, or registers if the account was deleted. */
  async signIn({ player, which }, { players, emails }, { passwords }) {
    const user = which % USERS.length
    const { client, transport } = at(players, player)
    const credential = credentialOf(at(players, player))
    const known = at(passwords, user)
    const input = { email: at(emails, user), password: known ?? newPassword() }
    const answer = await (known ? client.login(input) : client.register(input))
    const { password } = input
    return { answer, moment: signIn({ user, transport, credential, known, password }, replyOf(answer)) }
  },

  async logout({ player }, { players }) {
    const credential = credentialOf(at(players, player))
    const answer = await at(players, player).client.logout()
    return { answer, moment: logout(credential, replyOf(answer)) }
  },

  async changePassword({ player, isLost }, { players }, model) {
    const { client } = at(players, player)
    const credential = credentialOf(at(players, player))
    const caller = callerOf(model, credential)
    const current = typeof caller === 'string' ? 'of no user' : (model.passwords[caller.user] ?? '')
    const next = newPassword()
    const input = { currentPassword: current, newPassword: next }
    const answer = await (isLost ? client.twin() : client).changePassword(input)
    return { answer, moment: changePassword(credential, { current, next }, replyOf(answer)) }
  },

  async revokeSession({ player, which }, { players }, { issued }) {
    const credential = credentialOf(at(players, player))
    const { sessionId } = at(Object.values(issued), which)
    const answer = await at(players, player).client.revokeSession(sessionId)
    return { answer, moment: revokeSession(credential, sessionId, replyOf(answer)) }
  },

  async revokeOtherSessions({ player }, { players }) {
    const credential = credentialOf(at(players, player))
    const answer = await at(players, player).client.revokeOtherSessions()
    return { answer, moment: revokeOtherSessions(credential, replyOf(answer)) }
  },

  async deleteMe({ player }, { players }) {
    const credential = credentialOf(at(players, player))
    const answer = await at(players, player).client.deleteMe({})
    return { answer, moment: deleteMe(credential, replyOf(answer)) }
  },
} satisfies Record<string, Send>

export const REQUEST_NAMES = Object.keys(REQUESTS) as RequestName[]

type State = { model: Model }
type Command = fc.AsyncCommand<State, Real>

/** Several requests at once; then every client reads `me`. */
export class Requests implements Command {
  readonly requests: ({ name: RequestName } & Choice)[]

  constructor(requests: Requests['requests']) {
    this.requests = requests
  }

  check = () => true

  async run(state: State, real: Real) {
    const sent = this.requests.map(({ name, ...choice }) => REQUESTS[name](choice, real, state.model))
    state.model = await explainAll(state.model, await Promise.all(sent), real)
  }

  toString() {
    const one = ({ name, player, which, isLost, how }: Requests['requests'][number]) =>
      `${name}(${player}, ${which}${isLost ? ', lost' : ''}, ${how})`
    return this.requests.map(one).join(' & ')
  }
}

/** Makes all sessions older. */
export class Clock implements Command {
  readonly seconds: number

  constructor(seconds: number) {
    this.seconds = seconds
  }

  check = () => true

  async run(state: State, real: Real) {
    state.model = await advance(state.model, this.seconds, real)
  }

  toString = () => `clock(${this.seconds})`
}

/** Replaces the server by another process with an empty memory. */
export class Restart implements Command {
  check = () => true

  async run(state: State, real: Real) {
    await real.server.restart()
    state.model = await explainAll(state.model, [], real)
  }

  toString = () => 'restart'
}

/** Makes all sessions older. */
async function advance(model: Model, seconds: number, real: Real) {
  await real.server.sql`
    update sessions set
      rotated_at = rotated_at - make_interval(secs => ${seconds}),
      token_used_at = token_used_at - make_interval(secs => ${seconds}),
      created_at = created_at - make_interval(secs => ${seconds}),
      authenticated_at = authenticated_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds})`
  await real.server.catchUp()
  return explainAll({ ...model, now: model.now + seconds }, [], real)
}

/**
 * A thief has waited until now. In every session that has rotated, its client uses the current secret, and after the
 * grace the thief any older one: the session must end.
 */
export async function useStolenSecrets(model: Model, real: Real): Promise<Model> {
  const present = async (secret: string, transport: Transport, toMoment: typeof refreshAsAttacker) => {
    const answer = await holderOf(real.server, transport, secret).refresh()
    const moment = toMoment(secret, transport, replyOf(answer))
    expected = explain(expected, [moment], () => true) ?? unexplained(expected, [answer])
    return outcomeOf(answer)
  }
  let expected = model
  const stolen = liveSessions(model).filter(({ secrets }) => secrets.length > 1)
  for (const { transport, secrets } of stolen) await present(at(secrets, -1), transport, refresh)
  expected = await advance(expected, GRACE_SECONDS + 1, real)
  for (const { id, transport, secrets } of stolen) {
    if (!liveSessions(expected).some((session) => session.id === id)) continue
    const outcome = await present(
      at(secrets, stolen.length % (secrets.length - 1)),
      transport,
      refreshAsAttacker,
    )
    expect(outcome).toBe('REFRESH_REUSED')
    expect(await real.server.sql`select from sessions where id = ${id}`).toHaveLength(0)
  }
  return explainAll(expected, [], real)
}

/** Presents every secret that is not current, at the end of a run: none may revive a session. */
export async function presentOldSecrets(model: Model, real: Real) {
  const current = new Set(Object.values(model.sessions).map(({ secrets }) => secrets.at(-1)))
  const old = Object.entries(model.issued).filter(([secret]) => !current.has(secret))
  let expected = model
  for (const [secret, { transport }] of old) {
    const answer = await holderOf(real.server, transport, secret).refresh()
    const moment = refreshAsAttacker(secret, transport, replyOf(answer))
    expected = explain(expected, [moment], () => true) ?? unexplained(expected, [answer])
  }
  await explainAll(expected, [], real)
}

/** Finds an order of the requests that explains their answers, the sessions in the database and every `me`. */
async function explainAll(model: Model, sent: Sent[], { server, players }: Real) {
  const [live, ...seen] = await Promise.all([
    server.sql`select id from sessions where expires_at > now() order by id`,
    ...players.map(({ client }) => client.me()),
  ])

  const fits = (after: Model) => {
    const expected = liveSessions(after).map(({ id }) => id)
    return (
      String(live.map(({ id }) => id)) === String(expected.sort()) &&
      players.every((player, index) => {
        const caller = identify(after, credentialOf(player))
        return outcomeOf(at(seen, index)) === (typeof caller === 'string' ? caller : 'OK')
      })
    )
  }
  const moments = sent.map(({ moment }) => moment)
  const answers = [...sent.map(({ answer }) => answer), ...seen]
  return explain(model, moments, fits) ?? unexplained(model, answers, live.length)
}

function unexplained(model: Model, answers: Answer<unknown>[], live?: number): never {
  const outcomes = answers.map(outcomeOf).join(', ')
  throw new Error(`Nothing explains ${outcomes} and ${live} sessions after ${JSON.stringify(model, null, 1)}`)
}

type Start = { clients: Client[]; emails: string[]; model: Model; endsAt: number }

/**
 * Begins runs. Hashing would take most of the time of a run, so all clients sign in only once; before each run
 * the rows are put back as they were then.
 */
export function createRuns(server: Server) {
  let start: Start | undefined

  return async function beginRun(chosen: number[]): Promise<State & { real: Real }> {
    // The access tokens last an hour of the real clock.
    if (!start || start.endsAt < Date.now()) start = await signAllIn(server)
    await server.sql.unsafe(`
      delete from users;
      insert into users select * from signed_in_users;
      insert into sessions (id, user_id, token, lineage, transport, expires_at)
        select id, user_id, token, lineage, transport, now() + interval '${IDLE_SECONDS} seconds'
        from signed_in_sessions`)
    await server.catchUp()
    const { clients, emails, model } = start
    const players = chosen.map((index) => ({ client: at(clients, index).twin(), ...at(CAST, index) }))
    return { model: structuredClone(model), real: { server, players, emails } }
  }
}

async function signAllIn(server: Server): Promise<Start> {
  await server.sql`delete from users`
  const accounts = USERS.map(() => account())
  const model: Model = { now: 0, passwords: USERS.map(() => null), sessions: {}, issued: {} }
  const clients: Client[] = []
  for (const { adapter, transport, user } of CAST) {
    const client = createPatientClient(server, adapter, transport)
    const input = at(accounts, user)
    const answer = await (model.passwords[user] ? client.login(input) : client.register(input))
    model.passwords[user] = input.password
    expect(openSession(model, user, transport, replyOf(answer))).toBe(true)
    clients.push(client)
  }
  await server.sql.unsafe(`
    drop table if exists signed_in_users, signed_in_sessions;
    create table signed_in_users as table users;
    create table signed_in_sessions as table sessions`)
  return { clients, emails: accounts.map(({ email }) => email), model, endsAt: Date.now() + 1_800_000 }
}

/** Another client with the secret of a session and nothing else. */
function holderOf(server: Server, transport: Transport, secret: string | null) {
  const client = createPatientClient(server, 'REST', transport)
  Object.assign(client.kept, { cookie: secret && `__Host-servauth=${secret}`, refreshToken: secret })
  return client
}

/** Sends a request again while the server is unavailable, as on a busy machine. That had no effect, the server promises. */
function createPatientClient({ fetch }: Server, adapter: Adapter, transport: Transport) {
  const send = async (path: string, init?: RequestInit) => {
    for (;;) {
      const response = await fetch(path, init)
      if (!(await response.clone().text()).includes('SERVICE_UNAVAILABLE')) return response
      await pause(100)
    }
  }
  return createClient(send, adapter, transport)
}

function credentialOf({ client, transport }: Player): Credential {
  if (transport === 'COOKIE') return { secret: withoutName(client.kept.cookie) }
  return { sessionId: String(decodeJwt(client.kept.accessToken ?? '').sid) }
}

function replyOf(answer: Answer<unknown>): Reply {
  const data = answer.data as { session?: { id: string } | null; refreshToken?: string | null } | null
  return {
    outcome: outcomeOf(answer),
    sessionId: data?.session?.id,
    secret: data?.refreshToken ?? withoutName(answer.headers.getSetCookie()[0]) ?? undefined,
    count: answer.data,
  }
}

/** `OK`, or why not. By GraphQL `me` is null where REST answers that the credential is missing. */
function outcomeOf({ code, reason, data }: Answer<unknown>) {
  if (code) return reason ?? code
  return data === null ? 'MISSING' : 'OK'
}

/** The value of a cookie, or a refresh token as it is. */
const withoutName = (secret: string | null | undefined) => secret?.replace(/^.*?=|;.*$/g, '') ?? null

function forge(secret: string) {
  const bytes = Buffer.from(secret, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes.toString('base64url')
}

const other = (transport: Transport): Transport => (transport === 'COOKIE' ? 'TOKEN' : 'COOKIE')

let passwordCount = 0
const newPassword = () => `a phrase never used before ${++passwordCount}`

function at<T>(list: readonly T[], index: number): T {
  return list.at(index % list.length) as T
}
