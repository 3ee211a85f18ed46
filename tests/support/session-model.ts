import type { Transport } from './client.ts'

// The rules of sessions, without a server: which sessions are alive, which secrets they accept, and what each
// request changes. The lives are so short that a few steps of the clock outlast them.

export const GRACE_SECONDS = 30
/** No request of a client is under way for longer. */
export const MAX_REQUEST_SECONDS = 10
export const FRESH_SECONDS = 15 * 60
export const IDLE_SECONDS = 7 * 3600
export const MAX_SECONDS = 10 * 3600

export type Session = {
  id: string
  user: number
  transport: Transport
  /** The secrets of the current lineage, newest last. */
  secrets: string[]
  rotatedAt: number
  /** When the current secret was first used after a rotation; null before. */
  usedAt: number | null
  /** Whether the current secret was given again, long after the rotation, and has not been used since. */
  isGivenAgain: boolean
  /** Whether an attacker has presented one of its secrets. */
  isAttacked: boolean
  createdAt: number
  authenticatedAt: number
  expiresAt: number
}

export type Model = {
  now: number
  /** The password of each user; null without an account. */
  passwords: (string | null)[]
  /** The sessions that have not been ended, expired ones included. */
  sessions: Record<string, Session>
  /** Every secret that a client was ever given, with its session. */
  issued: Record<string, { sessionId: string; transport: Transport }>
}

/** The credential of a request: the secret of a session in a cookie, or an access token of a session. */
export type Credential = { secret: string | null } | { sessionId: string }

/** What a client learns from an answer: `OK` or a reason, the session, a secret, the number of ended sessions. */
export type Reply = {
  outcome: string
  sessionId: string | undefined
  secret: string | undefined
  count: unknown
}

/**
 * The effect of a request at one moment. It returns false if the reply contradicts the model, true if the request
 * is done, or its next moment: most requests check the credential at one moment and act at a later one, and
 * other requests may act in between.
 */
export type Moment = (model: Model) => Moment | boolean

/** The model after the first order of all moments that explains every reply and that `fits`. */
export function explain(model: Model, moments: Moment[], fits: (model: Model) => boolean): Model | undefined {
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

// Which secrets a session accepts

/**
 * A session rotates its secret at most once within the grace, and never while requests with the predecessor may be
 * under way.
 */
const mayRotate = ({ now }: Model, { rotatedAt, usedAt, isGivenAgain }: Session) =>
  !isGivenAgain && now - Math.max(rotatedAt, usedAt ?? -Infinity) >= GRACE_SECONDS

/** The secret before the current one stays valid until the current one is used, and for the grace after that. */
const acceptsPredecessor = ({ now }: Model, { usedAt }: Session) =>
  usedAt === null || now - usedAt < GRACE_SECONDS

function acceptsSecret(model: Model, session: Session, secret: string | null) {
  if (secret === session.secrets.at(-1)) return true
  return secret === session.secrets.at(-2) && acceptsPredecessor(model, session)
}

/** A secret that no rotation made has no predecessor, so its use does not matter. */
function markUse({ now }: Model, session: Session, secret: string | null) {
  if (secret !== session.secrets.at(-1) || session.rotatedAt === -Infinity) return
  session.usedAt ??= now
  session.isGivenAgain = false
}

function markGivenAgain({ now }: Model, session: Session) {
  const isLate = now - session.rotatedAt >= GRACE_SECONDS - MAX_REQUEST_SECONDS
  session.isGivenAgain ||= isLate && session.usedAt === null
}

export const isExpired = ({ now }: Model, { expiresAt }: Session) => expiresAt <= now

export const liveSessions = (model: Model) =>
  Object.values(model.sessions).filter((session) => !isExpired(model, session))

function namedSession({ issued }: Model, credential: Credential) {
  if ('sessionId' in credential) return credential.sessionId
  return credential.secret === null ? undefined : issued[credential.secret]?.sessionId
}

/** The session that a credential authenticates, or the reason why it authenticates none. */
export function callerOf(model: Model, credential: Credential): Session | string {
  const id = namedSession(model, credential)
  if (id === undefined) return 'MISSING'
  const session = model.sessions[id]
  if (!session) return 'REVOKED'
  if (isExpired(model, session)) return 'EXPIRED'
  return 'sessionId' in credential || acceptsSecret(model, session, credential.secret) ? session : 'REVOKED'
}

/** The same for a request, which uses the secret in its cookie. */
export function identify(model: Model, credential: Credential): Session | string {
  const session = callerOf(model, credential)
  if (typeof session !== 'string' && 'secret' in credential) markUse(model, session, credential.secret)
  return session
}

/** The session whose lineage a secret belongs to, or the reason why a refresh with it has no effect. */
function lineageOf(model: Model, secret: string | null, transport: Transport): Session | string {
  if (secret === null) return 'MISSING'
  const issued = model.issued[secret]
  if (!issued) return 'INVALID'
  const session = model.sessions[issued.sessionId]
  if (!session) return 'REVOKED'
  if (isExpired(model, session)) return 'EXPIRED'
  if (session.transport !== transport) return 'INVALID'
  return session.secrets.includes(secret) ? session : 'REVOKED'
}

// What changes sessions

/** Adds the secret of a reply to a session; a secret that was given before is a contradiction. */
function issueSecret(model: Model, { id, transport, secrets }: Session, { secret }: Reply) {
  if (!secret || model.issued[secret]) return false
  model.issued[secret] = { sessionId: id, transport }
  secrets.push(secret)
  return true
}

const NEW_LINEAGE = { rotatedAt: -Infinity, usedAt: null, isGivenAgain: false }

/** Opens the session that the reply of a login or a registration shows. */
export function openSession(model: Model, user: number, transport: Transport, reply: Reply) {
  const { outcome, sessionId: id } = reply
  if (outcome !== 'OK' || !id || model.sessions[id]) return false
  const { now } = model
  const times = { createdAt: now, authenticatedAt: now, expiresAt: now + IDLE_SECONDS }
  const session: Session = { id, user, transport, isAttacked: false, ...NEW_LINEAGE, secrets: [], ...times }
  model.sessions[id] = session
  return issueSecret(model, session, reply)
}

/** Ends the sessions of a user but one. @returns how many of them were alive */
function endSessions(model: Model, user: number, exceptId?: string) {
  const ended = Object.values(model.sessions).filter((each) => each.user === user && each.id !== exceptId)
  for (const { id } of ended) delete model.sessions[id]
  return ended.filter((each) => !isExpired(model, each)).length
}

// The requests

/**
 * Renews the session and gives its current secret. Any other secret of the lineage is stolen and ends the session, so
 * a session that no attacker has touched never sees one.
 */
export function refresh(secret: string | null, transport: Transport, reply: Reply): Moment {
  return (model) => {
    const session = lineageOf(model, secret, transport)
    if (typeof session === 'string') return reply.outcome === session
    if (!acceptsSecret(model, session, secret))
      return session.isAttacked && reply.outcome === 'REFRESH_REUSED' && endStolen(session.id, secret)

    if (reply.outcome !== 'OK' || reply.sessionId !== session.id) return false
    session.expiresAt = Math.min(model.now + IDLE_SECONDS, session.createdAt + MAX_SECONDS)
    if (secret === session.secrets.at(-1) && mayRotate(model, session)) {
      Object.assign(session, NEW_LINEAGE, { rotatedAt: model.now })
      return issueSecret(model, session, reply)
    }
    if (secret === session.secrets.at(-1)) markUse(model, session, secret)
    else markGivenAgain(model, session)
    return reply.secret === session.secrets.at(-1)
  }
}

/** The same by an attacker. */
export function refreshAsAttacker(secret: string, transport: Transport, reply: Reply): Moment {
  return (model) => {
    const session = lineageOf(model, secret, transport)
    if (typeof session !== 'string') session.isAttacked = true
    return refresh(secret, transport, reply)(model)
  }
}

/** Ends the session of a stolen secret, unless another request ends its lineage first. */
function endStolen(sessionId: string, secret: string | null): Moment {
  return (model) => {
    if (model.sessions[sessionId]?.secrets.includes(secret ?? '')) delete model.sessions[sessionId]
    return true
  }
}

/** Logs in with the password that was known when the request was sent, or registers if there was no account. */
export function signIn(
  request: {
    user: number
    transport: Transport
    credential: Credential
    known: string | null
    password: string
  },
  reply: Reply,
): Moment {
  const { user, transport, credential, known, password } = request
  return (model) => {
    const former = identify(model, credential)
    return (model) => {
      if (model.passwords[user] !== known)
        return reply.outcome === (known ? 'INVALID_CREDENTIALS' : 'EMAIL_TAKEN')
      model.passwords[user] = password
      if (typeof former !== 'string') delete model.sessions[former.id]
      return openSession(model, user, transport, reply)
    }
  }
}

/** Ends the session that the credential names, even an expired one, unless the secret is of a former lineage. */
export function logout(credential: Credential, reply: Reply): Moment {
  return (model) => {
    const id = namedSession(model, credential)
    if (id === undefined) return reply.outcome === 'MISSING'
    const isOfLineage =
      'sessionId' in credential || model.sessions[id]?.secrets.includes(credential.secret ?? '')
    if (isOfLineage) delete model.sessions[id]
    return reply.outcome === 'OK'
  }
}

/** Starts a new lineage of this session and ends the others. */
export function changePassword(
  credential: Credential,
  passwords: { current: string; next: string },
  reply: Reply,
): Moment {
  const { current, next } = passwords
  return asCaller(credential, reply, (session, model) => {
    if (model.passwords[session.user] !== current) return reply.outcome === 'INVALID_CREDENTIALS'
    session.authenticatedAt = model.now
    return (model) => {
      if (model.passwords[session.user] !== current) return reply.outcome === 'INVALID_CREDENTIALS'
      const renewed = model.sessions[session.id]
      if (!renewed) return reply.outcome === 'REVOKED'
      model.passwords[session.user] = next
      endSessions(model, session.user, session.id)
      Object.assign(renewed, NEW_LINEAGE, { secrets: [] })
      return reply.outcome === 'OK' && issueSecret(model, renewed, reply)
    }
  })
}

/** Ends a session of the caller's user, by its id. */
export function revokeSession(credential: Credential, sessionId: string, reply: Reply): Moment {
  return asCaller(credential, reply, ({ user }) => (model) => {
    if (model.sessions[sessionId]?.user !== user) return reply.outcome === 'NOT_FOUND'
    delete model.sessions[sessionId]
    return reply.outcome === 'OK'
  })
}

/** Ends the other sessions of the caller's user and counts the live ones. */
export function revokeOtherSessions(credential: Credential, reply: Reply): Moment {
  return asCaller(
    credential,
    reply,
    ({ id, user }) =>
      (model) =>
        reply.outcome === 'OK' && reply.count === endSessions(model, user, id),
  )
}

/** Deletes the account and its sessions, if the session is fresh. */
export function deleteMe(credential: Credential, reply: Reply): Moment {
  return asCaller(credential, reply, ({ id, user, authenticatedAt }, { now }) => {
    // An access token does not say that the owner was here: it may be a stolen one.
    const isFresh = !('sessionId' in credential) && now - authenticatedAt < FRESH_SECONDS
    if (!isFresh) return reply.outcome === 'REAUTHENTICATION_REQUIRED'
    return (model) => {
      // If another request ends the session at the same time, either may be first.
      if (reply.outcome === 'REVOKED') return !model.sessions[id]
      if (model.passwords[user] === null) return false
      endSessions(model, user)
      model.passwords[user] = null
      return reply.outcome === 'OK'
    }
  })
}

/** Checks the credential first; without a session its reason is the reply. */
function asCaller(
  credential: Credential,
  reply: Reply,
  act: (session: Session, model: Model) => Moment | boolean,
): Moment {
  return (model) => {
    const session = identify(model, credential)
    return typeof session === 'string' ? reply.outcome === session : act(session, model)
  }
}
