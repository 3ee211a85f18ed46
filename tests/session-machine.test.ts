import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { type Answer, account, type Client, type Transport, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

// A failure prints its seed; the requests of one moment race, so the same seed may need a few tries.
const { SESSION_MACHINE_RUNS = '1000', SESSION_MACHINE_SEED } = process.env
const RUNS = Number(SESSION_MACHINE_RUNS)

// Lives that a run of a few commands can outlast, and steps of the clock that stay well clear of
// every limit: the grace, the 15 minutes that a session is fresh, and these two lives.
const [GRACE, FRESH, IDLE, ABSOLUTE] = [30, 15 * 60, 7 * 3600, 10 * 3600]
const CLOCK_STEPS = [12, 31, 3 * 3600, 6 * 3600]

/** Two users, each signed in over every door with every transport. */
const USERS = [0, 1]
const CAST = USERS.flatMap((user) => WAYS.map((way) => ({ ...way, user })))

type Session = {
  id: string
  user: number
  transport: Transport
  /** The current lineage, newest last. */
  secrets: string[]
  rotatedAt: number
  createdAt: number
  authenticatedAt: number
  expiresAt: number
}

/** The truth: whose password is what, null without an account, and which sessions have not ended. */
type Model = {
  now: number
  passwords: (string | null)[]
  sessions: Record<string, Session>
  /** Every secret ever given out, and the session it was for. */
  issued: Record<string, { sessionId: string; transport: Transport }>
}

/** What travels with a request: a session's secret in its cookie, or else an access token of a session. */
type Presented = { secret: string | null } | { sessionId: string }

const isInGrace = (model: Model, { rotatedAt }: Session) => model.now - rotatedAt < GRACE
const isExpired = (model: Model, { expiresAt }: Session) => expiresAt <= model.now

function namedBy({ issued }: Model, presented: Presented) {
  if ('sessionId' in presented) return presented.sessionId
  return presented.secret === null ? undefined : issued[presented.secret]?.sessionId
}

function whose(model: Model, presented: Presented): Session | string {
  const id = namedBy(model, presented)
  if (id === undefined) return 'MISSING'
  const session = model.sessions[id]
  if (!session) return 'REVOKED'
  if (isExpired(model, session)) return 'EXPIRED'
  if ('sessionId' in presented) return session
  const { secret } = presented
  if (secret === session.secrets.at(-1)) return session
  return secret === session.secrets.at(-2) && isInGrace(model, session) ? session : 'REVOKED'
}

/** A new secret is one that nobody was ever given. */
function giveSecret(model: Model, { id, transport, secrets }: Session, secret: string | undefined) {
  if (!secret || model.issued[secret]) return false
  model.issued[secret] = { sessionId: id, transport }
  secrets.push(secret)
  return true
}

function openSession(model: Model, user: number, transport: Transport, answer: Answer<unknown>) {
  const id = (answer.data as Given)?.session?.id
  if (wordOf(answer) !== 'OK' || !id || model.sessions[id]) return false
  const { now } = model
  const times = { rotatedAt: -Infinity, createdAt: now, authenticatedAt: now, expiresAt: now + IDLE }
  const session: Session = { id, user, transport, secrets: [], ...times }
  model.sessions[id] = session
  return giveSecret(model, session, secretIn(answer))
}

function endSessions(model: Model, user: number, exceptId?: string) {
  const ended = Object.values(model.sessions).filter((each) => each.user === user && each.id !== exceptId)
  for (const { id } of ended) delete model.sessions[id]
  return ended.filter((each) => !isExpired(model, each)).length
}

/**
 * What a request does at one moment: false when its answer belies that, true when it is done, or
 * what it does at a later moment. Most prove a credential at one moment and act at another, and
 * anything may happen between.
 */
type Moment = (model: Model) => Moment | boolean

/** The model after the first order of all moments that fits the answers and what is seen afterwards. */
function explain(model: Model, moments: Moment[], fits: (model: Model) => boolean): Model | undefined {
  if (moments.length === 0) return fits(model) ? model : undefined
  for (const [index, moment] of moments.entries()) {
    const after = structuredClone(model)
    const next = moment(after)
    if (next === false) continue
    const rest = moments.toSpliced(index, 1)
    const found = explain(after, next === true ? rest : [next, ...rest], fits)
    if (found) return found
  }
  return undefined
}

/** An answer in a word; over GraphQL `me` is null where REST misses a credential. */
function wordOf({ code, reason, data }: Answer<unknown>) {
  if (code) return reason ?? code
  return data === null ? 'MISSING' : 'OK'
}

type Given = { session?: { id: string } | null; refreshToken?: string | null } | null
const withoutName = (cookie: string | null | undefined) => cookie?.replace(/^.*?=|;.*$/g, '') ?? null
const secretIn = ({ data, headers }: Answer<unknown>) =>
  (data as Given)?.refreshToken ?? withoutName(headers.getSetCookie()[0]) ?? undefined

/** Somebody with a client, who keeps what it is given. */
type Player = { client: Client; transport: Transport }
type Real = { players: Player[]; emails: string[] }

function presentedBy({ client, transport }: Player): Presented {
  if (transport === 'COOKIE') return { secret: withoutName(client.kept.cookie) }
  return { sessionId: String(decodeJwt(client.kept.accessToken ?? '').sid) }
}

/** Who does it, and for those who need it: to whom or what, and how it goes. */
type Choice = {
  player: number
  which: number
  isLost: boolean
  how: 'as it was' | 'the other way' | 'forged'
}

/** Sends a request; its answer is explained by a moment. */
type Request = (choice: Choice, real: Real, model: Model) => Promise<Sent>
type Sent = { answer: Answer<unknown>; moment: Moment }

/** Proves the caller first; whatever does not hold then is the answer. */
const proven =
  (
    presented: Presented,
    answer: Answer<unknown>,
    act: (session: Session, model: Model) => Moment | boolean,
  ) =>
  (model: Model) => {
    const session = whose(model, presented)
    return typeof session === 'string' ? wordOf(answer) === session : act(session, model)
  }

function refreshed(secret: string | null, transport: Transport, answer: Answer<unknown>): Moment {
  return (model) => {
    const word = wordOf(answer)
    if (secret === null) return word === 'MISSING'
    const issued = model.issued[secret]
    if (!issued) return word === 'INVALID'
    const session = model.sessions[issued.sessionId]
    if (!session) return word === 'REVOKED'
    if (isExpired(model, session)) return word === 'EXPIRED'
    if (session.transport !== transport) return word === 'INVALID'
    if (!session.secrets.includes(secret)) return word === 'REVOKED'

    const [previous, current] = [session.secrets.at(-2), session.secrets.at(-1)]
    const inGrace = isInGrace(model, session)
    if (secret !== current && !(secret === previous && inGrace)) {
      if (word !== 'REFRESH_REUSED') return false
      return (model) => {
        if (model.sessions[session.id]?.secrets.includes(secret)) delete model.sessions[session.id]
        return true
      }
    }
    if (word !== 'OK' || (answer.data as Given)?.session?.id !== session.id) return false
    session.expiresAt = Math.min(model.now + IDLE, session.createdAt + ABSOLUTE)
    if (inGrace) return secretIn(answer) === current
    session.rotatedAt = model.now
    return giveSecret(model, session, secretIn(answer))
  }
}

const REQUESTS = {
  /** Where the reply is lost the client is left with what it had. */
  async refresh({ player, isLost }, { players }) {
    const { client, transport } = at(players, player)
    const secret = withoutName(client.secret())
    const answer = await (isLost ? client.twin() : client).refresh()
    return { answer, moment: refreshed(secret, transport, answer) }
  },

  /** Any secret that was ever given out, from elsewhere, maybe the other way or with a bit changed. */
  async replay({ which, how }, _, { issued }) {
    const [secret, { transport: own }] = at(Object.entries(issued), which)
    const transport = how === 'the other way' ? other(own) : own
    const presented = how === 'forged' ? forged(secret) : secret
    const answer = await stranger(transport, presented).refresh()
    return { answer, moment: refreshed(presented, transport, answer) }
  },

  /** Logs in, or registers anew where the account was deleted; the session from before ends. */
  async signIn({ player, which }, { players, emails }, { passwords }) {
    const user = which % USERS.length
    const { client, transport } = at(players, player)
    const presented = presentedBy({ client, transport })
    const known = at(passwords, user)
    const input = { email: at(emails, user), password: known ?? newPassword() }
    const answer = await (known ? client.login(input) : client.register(input))

    const moment: Moment = (model) => {
      const former = whose(model, presented)
      return (model) => {
        if (model.passwords[user] !== known)
          return wordOf(answer) === (known ? 'INVALID_CREDENTIALS' : 'EMAIL_TAKEN')
        model.passwords[user] = input.password
        if (typeof former !== 'string') delete model.sessions[former.id]
        return openSession(model, user, transport, answer)
      }
    }
    return { answer, moment }
  },

  /** Whatever names a session ends it, be it old or expired, but not from before the password changed. */
  async logout({ player }, { players }) {
    const presented = presentedBy(at(players, player))
    const answer = await at(players, player).client.logout()
    const moment: Moment = (model) => {
      const id = namedBy(model, presented)
      if (id === undefined) return wordOf(answer) === 'MISSING'
      const isDead = 'secret' in presented && !model.sessions[id]?.secrets.includes(presented.secret ?? '')
      if (!isDead) delete model.sessions[id]
      return wordOf(answer) === 'OK'
    }
    return { answer, moment }
  },

  async changePassword({ player, isLost }, { players }, model) {
    const { client, transport } = at(players, player)
    const presented = presentedBy({ client, transport })
    const caller = whose(model, presented)
    const current = typeof caller === 'string' ? 'nobody’s' : (model.passwords[caller.user] ?? '')
    const next = newPassword()
    const input = { currentPassword: current, newPassword: next }
    const answer = await (isLost ? client.twin() : client).changePassword(input)

    const moment = proven(presented, answer, (session, model) => {
      if (model.passwords[session.user] !== current) return wordOf(answer) === 'INVALID_CREDENTIALS'
      session.authenticatedAt = model.now
      return (model) => {
        if (model.passwords[session.user] !== current) return wordOf(answer) === 'INVALID_CREDENTIALS'
        const renewed = model.sessions[session.id]
        if (!renewed) return wordOf(answer) === 'REVOKED'
        model.passwords[session.user] = next
        endSessions(model, session.user, session.id)
        Object.assign(renewed, { secrets: [], rotatedAt: -Infinity })
        return wordOf(answer) === 'OK' && giveSecret(model, renewed, secretIn(answer))
      }
    })
    return { answer, moment }
  },

  async revokeSession({ player, which }, { players }, { issued }) {
    const presented = presentedBy(at(players, player))
    const { sessionId } = at(Object.values(issued), which)
    const answer = await at(players, player).client.revokeSession(sessionId)
    const moment = proven(presented, answer, ({ user }) => (model) => {
      if (model.sessions[sessionId]?.user !== user) return wordOf(answer) === 'NOT_FOUND'
      delete model.sessions[sessionId]
      return wordOf(answer) === 'OK'
    })
    return { answer, moment }
  },

  async revokeOtherSessions({ player }, { players }) {
    const presented = presentedBy(at(players, player))
    const answer = await at(players, player).client.revokeOtherSessions()
    const moment = proven(presented, answer, ({ id, user }) => (model) => {
      return wordOf(answer) === 'OK' && answer.data === endSessions(model, user, id)
    })
    return { answer, moment }
  },

  async deleteMe({ player }, { players }) {
    const presented = presentedBy(at(players, player))
    const answer = await at(players, player).client.deleteMe({})
    const moment = proven(presented, answer, ({ id, user, authenticatedAt }, { now }) => {
      if (now - authenticatedAt >= FRESH) return wordOf(answer) === 'REAUTHENTICATION_REQUIRED'
      return (model) => {
        // Where its session ends at the same time, either may be first.
        if (wordOf(answer) === 'REVOKED') return !model.sessions[id]
        if (model.passwords[user] === null) return false
        endSessions(model, user)
        model.passwords[user] = null
        return wordOf(answer) === 'OK'
      }
    })
    return { answer, moment }
  },
} satisfies Record<string, Request>

function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T
}
const other = (transport: Transport): Transport => (transport === 'COOKIE' ? 'TOKEN' : 'COOKIE')

function forged(secret: string) {
  const bytes = Buffer.from(secret, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes.toString('base64url')
}

let passwordsMade = 0
const newPassword = () => `a phrase never used before ${++passwordsMade}`

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer({
    SESSION_IDLE_SECONDS: String(IDLE),
    SESSION_MAX_SECONDS: String(ABSOLUTE),
    ACCESS_TOKEN_SECONDS: '3600',
  })
})

type Beginning = { clients: Client[]; emails: string[]; model: Model; endsAt: number }
let beginning: Beginning | undefined

/**
 * Hashing is what a run would spend its time on, so nobody signs in to begin one: everybody did
 * once, through the front door, and before each run the rows are put back as they were.
 */
async function begin(): Promise<Beginning> {
  // Their access tokens last an hour, by a clock that nobody moves.
  if (!beginning || beginning.endsAt < Date.now()) beginning = await signEverybodyIn()
  await server.sql.unsafe(`
    delete from users;
    insert into users select * from signed_in_users;
    insert into sessions (id, user_id, token, lineage, transport, expires_at)
      select id, user_id, token, lineage, transport, now() + interval '${IDLE} seconds' from signed_in_sessions`)
  await server.hears()
  return beginning
}

async function signEverybodyIn(): Promise<Beginning> {
  await server.sql`delete from users`
  const accounts = USERS.map(() => account())
  const model: Model = { now: 0, passwords: USERS.map(() => null), sessions: {}, issued: {} }
  const clients: Client[] = []
  for (const { door, transport, user } of CAST) {
    const client = server.client(door, transport)
    const input = at(accounts, user)
    const answer = await (model.passwords[user] ? client.login(input) : client.register(input))
    model.passwords[user] = input.password
    expect(openSession(model, user, transport, answer)).toBe(true)
    clients.push(client)
  }
  await server.sql.unsafe(`
    drop table if exists signed_in_users, signed_in_sessions;
    create table signed_in_users as table users;
    create table signed_in_sessions as table sessions`)
  return { clients, emails: accounts.map(({ email }) => email), model, endsAt: Date.now() + 1_800_000 }
}

function stranger(transport: Transport, secret: string) {
  const client = server.client('REST', transport)
  Object.assign(client.kept, { cookie: `__Host-servauth=${secret}`, refreshToken: secret })
  return client
}

type State = { model: Model }
type Command = fc.AsyncCommand<State, Real>

/** Requests that are under way at once, then what everybody sees. */
class AtOnce implements Command {
  readonly requests: ({ name: keyof typeof REQUESTS } & Choice)[]

  constructor(requests: AtOnce['requests']) {
    this.requests = requests
  }

  check = () => true

  async run(state: State, real: Real) {
    const sent = this.requests.map(({ name, ...choice }) => REQUESTS[name](choice, real, state.model))
    state.model = await explained(state.model, await Promise.all(sent), real)
  }

  toString() {
    const one = ({ name, player, which, isLost, how }: AtOnce['requests'][number]) =>
      `${name}(${player}, ${which}${isLost ? ', lost' : ''}, ${how})`
    return this.requests.map(one).join(' & ')
  }
}

async function explained(model: Model, sent: Sent[], { players }: Real) {
  const [live, ...seen] = await Promise.all([
    server.sql`select id from sessions where expires_at > now() order by id`,
    ...players.map(({ client }) => client.me()),
  ])

  const fits = (after: Model) => {
    const expected = Object.values(after.sessions).filter((session) => !isExpired(after, session))
    return (
      String(live.map(({ id }) => id)) === String(expected.map(({ id }) => id).sort()) &&
      players.every((player, index) => {
        const whom = whose(after, presentedBy(player))
        return wordOf(at(seen, index)) === (typeof whom === 'string' ? whom : 'OK')
      })
    )
  }
  const moments = sent.map(({ moment }) => moment)
  const answers = [...sent.map(({ answer }) => answer), ...seen]
  return explain(model, moments, fits) ?? unexplained(model, answers, live.length)
}

function unexplained(model: Model, answers: Answer<unknown>[], live?: number): never {
  const words = answers.map(wordOf).join(', ')
  throw new Error(`Nothing explains ${words} and ${live} sessions after ${JSON.stringify(model, null, 1)}`)
}

class Clock implements Command {
  readonly seconds: number

  constructor(seconds: number) {
    this.seconds = seconds
  }

  check = () => true

  async run(state: State, real: Real) {
    await server.sql`
      update sessions set
        rotated_at = rotated_at - make_interval(secs => ${this.seconds}),
        created_at = created_at - make_interval(secs => ${this.seconds}),
        authenticated_at = authenticated_at - make_interval(secs => ${this.seconds}),
        expires_at = expires_at - make_interval(secs => ${this.seconds})`
    await server.hears()
    state.model.now += this.seconds
    state.model = await explained(state.model, [], real)
  }

  toString = () => `clock(${this.seconds})`
}

class Restart implements Command {
  check = () => true

  async run(state: State, real: Real) {
    await server.restart()
    state.model = await explained(state.model, [], real)
  }

  toString = () => 'restart'
}

/** Whatever is not current is tried once more at the end: nothing dead comes back. */
async function presentTheOld(model: Model, real: Real) {
  const current = new Set(Object.values(model.sessions).map(({ secrets }) => secrets.at(-1)))
  const old = Object.entries(model.issued).filter(([secret]) => !current.has(secret))
  let expected = model
  for (const [secret, { transport }] of old) {
    const answer = await stranger(transport, secret).refresh()
    const moment = refreshed(secret, transport, answer)
    expected = explain(expected, [moment], () => true) ?? unexplained(expected, [answer])
  }
  await explained(expected, [], real)
}

const request = fc.record({
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constant('refresh' as const) },
    { weight: 3, arbitrary: fc.constant('replay' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...(Object.keys(REQUESTS) as (keyof typeof REQUESTS)[])) },
  ),
  player: fc.nat(2),
  which: fc.nat(99),
  isLost: fc.boolean(),
  how: fc.constantFrom(
    'as it was' as const,
    'as it was' as const,
    'the other way' as const,
    'forged' as const,
  ),
})

const one = request.map((only) => new AtOnce([only]))
const several = fc.array(request, { minLength: 2, maxLength: 3 }).map((all) => new AtOnce(all))
const clock = fc.constantFrom(...CLOCK_STEPS).map((seconds) => new Clock(seconds))
const restart = fc.constant(new Restart())

// Few commands a run: faults need two or three, and whoever looks after each costs the most. A
// restart costs as much as ten others.
const command = fc.oneof(
  { weight: 14, arbitrary: one },
  { weight: 7, arbitrary: several },
  { weight: 8, arbitrary: clock },
  { weight: 1, arbitrary: restart },
)

/** Three of the eight who are signed in; the others’ sessions lie idle, for thieves. */
const players = fc.shuffledSubarray([...CAST.keys()], { minLength: 3, maxLength: 3 })

test(
  'whatever order clients, thieves and time come in, who is in and who is out is what the rules say',
  async () => {
    const property = fc.asyncProperty(
      players,
      fc.commands([command], { maxCommands: 10, size: '+1' }),
      async (chosen, commands) => {
        const { clients, emails, model } = await begin()
        const real: Real = {
          players: chosen.map((index) => ({ client: at(clients, index).twin(), ...at(CAST, index) })),
          emails,
        }
        const state = { model: structuredClone(model) }
        await fc.asyncModelRun(() => ({ model: state, real }), commands)

        await presentTheOld(state.model, real)
      },
    )
    const seed = SESSION_MACHINE_SEED ? { seed: Number(SESSION_MACHINE_SEED) } : {}
    await fc.assert(property, { numRuns: RUNS, ...seed })
  },
  RUNS * 1000,
)
