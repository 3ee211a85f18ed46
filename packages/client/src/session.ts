import type { FactorProof, PasskeyProof } from './generated/operations.ts'
import { type Operation, sendOperation } from './graphql.ts'
import {
  type ErrorDetails,
  isSessionOver,
  MAX_ANSWER_MS,
  request,
  retry,
  ServauthError,
  ServerFailure,
  type StepUp,
} from './rest.ts'

type Credentials = { email: string; password: string }
type Grant = { user: { id: string }; accessToken: string }
/** The token is null if the address must be verified first. Then the user is not signed in yet. */
type Registered = { user: { id: string }; accessToken: string | null }
/** `why` is a sentence if the server ended the session, otherwise empty. */
type Watcher = (userId: string | null, why: string) => unknown
type Change = { grant: Grant | null; why: string }

type Options = {
  /**
   * Called when a request needs a newer or stronger proof of its user: shows a dialog and calls `stepUp`.
   * @returns whether the request is worth repeating
   */
  onStepUp?: (need: StepUp) => Promise<boolean>
}

export type Session = ReturnType<typeof createSession>

/**
 * The session that all tabs of an origin share: a cookie for Servauth, and an access token in memory for other
 * services. All requests that change the cookie are here and run under one lock, because answers to two tabs could
 * overtake each other. They avoid the GraphQL client, whose requests may be waiting for the new cookie.
 */
export function createSession(server: string, { onStepUp }: Options = {}) {
  // Elsewhere a browser has no Web Locks, and every method would fail later with an error that says nothing.
  if ('isSecureContext' in globalThis && !isSecureContext) {
    throw new TypeError('createSession works only in pages from https:// or localhost (secure contexts).')
  }
  // A page may use several servers. Each has its own cookie.
  const name = `servauth ${server}`
  const tabs: BroadcastChannel & { unref?: () => void } = new BroadcastChannel(name)
  // A program that renders pages on a server ends when it is done.
  tabs.unref?.()
  const watchers = new Set<Watcher>()
  /** Null when signed out, undefined until the first answer. */
  let grant: Grant | null | undefined
  let renewing: Promise<Grant> | undefined
  /** Aborted when the present user is the user no more. */
  let period = new AbortController()
  let notices = Promise.resolve()

  tabs.onmessage = ({ data }: MessageEvent<Change>) => applyChange(data)

  function applyChange({ grant: next, why }: Change) {
    const changed = grant === undefined || next?.user.id !== grant?.user.id
    const former = grant
    grant = next
    if (!changed) return
    if (former) {
      period.abort(toEnded())
      period = new AbortController()
    }
    notices = notices.then(() => notify([...watchers], next?.user.id ?? null, why))
  }

  /** Every watcher hears of every change in its order, whatever the others do. */
  async function notify(present: Watcher[], userId: string | null, why: string) {
    for (const watcher of present) {
      if (!watchers.has(watcher)) continue
      void (async () => watcher(userId, why))()
      // Lets a cache empty itself before the next watcher sends queries.
      await Promise.resolve()
    }
  }

  async function shareChange(change: Change) {
    if (change.grant === grant) return
    applyChange(change)
    tabs.postMessage(change)
    // Lets the message arrive before the next tab gets the lock.
    await new Promise((done) => setTimeout(done, 20))
  }

  /** Runs `work` in one tab at a time. */
  const runInTurn = <T>(work: () => Promise<T>): Promise<T> => navigator.locks.request(name, work)

  /** Runs `work` in one tab at a time, unless `signal` is aborted before, and shares its result with all tabs. */
  const runExclusive = <T extends Grant | null>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
    runInTurn(() => {
      signal?.throwIfAborted()
      return shareResult(work)
    })

  async function shareResult<T extends Grant | null>(work: () => Promise<T>): Promise<T> {
    try {
      const grant = await work()
      await shareChange({ grant, why: '' })
      return grant
    } catch (fault) {
      if (isSessionOver(fault)) {
        await shareChange({ grant: null, why: fault.reason === 'MISSING' ? '' : fault.message })
      }
      throw fault
    }
  }

  /** Signs a user in. An answer that breaks off may have brought the cookie of that user: then asks whose it is. */
  const enter = <T extends Grant | null>(work: () => Promise<T>) =>
    runExclusive(() =>
      work().catch(async (fault) => {
        const isAnswered = fault instanceof ServauthError || fault instanceof ServerFailure
        if (!isAnswered) await shareResult(() => post<Grant>('/auth/refresh')).catch(() => {})
        throw fault
      }),
    )

  /**
   * Runs `work`, which sends a request, for the user who is signed in now. A mutation waits until no other tab changes the
   * cookie, because it may change it too. The signal is aborted when the user signs out or another one signs in, in any
   * tab: the answer may then not be shown. @throws if that happens before `work` begins
   */
  async function runForUser<T>(isMutation: boolean, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = period
    if (!isMutation) return work(signal)
    return runInTurn(() => {
      signal.throwIfAborted()
      return work(AbortSignal.any([signal, AbortSignal.timeout(MAX_ANSWER_MS)]))
    })
  }

  const post = <T>(path: string, body?: unknown, options?: { signal: AbortSignal }) =>
    request<T>(`${server}${path}`, { method: 'POST', credentials: 'include', body, ...options })

  /**
   * Returns a new session in place of the refused one. Concurrent calls, in all tabs, share one request.
   * @throws if the session is over (all tabs know it then), or if the server does not answer
   */
  async function renew(refused = grant): Promise<Grant> {
    if (grant && grant !== refused) return grant
    renewing ??= runExclusive(async () => {
      if (grant === refused) return retry((signal) => post<Grant>('/auth/refresh', undefined, { signal }))
      // Another tab has renewed it.
      if (grant) return grant
      throw toEnded()
    }).finally(() => {
      renewing = undefined
    })
    return renewing
  }

  /**
   * Does what a refused request needs before it is repeated, once: renews the session, or proves the user again.
   * @returns whether it is worth repeating
   * @throws if the session is over (all tabs know it then), or if the server does not answer
   */
  async function recover({ code, acr, maxAge, methods }: Partial<ErrorDetails>): Promise<boolean> {
    const { signal } = period
    const isWorthRepeating = await recoverOnce()
    signal.throwIfAborted()
    return isWorthRepeating

    async function recoverOnce() {
      if (code === 'UNAUTHENTICATED') return Boolean(await renew())
      if (code !== 'REAUTHENTICATION_REQUIRED' || !onStepUp || !acr || !methods) return false
      return onStepUp({ acr, maxAge: maxAge ?? 0, methods })
    }
  }

  /** Asks Servauth whether the session is over, if an answer without errors may mean that. If it is over, all tabs learn it. */
  function checkAnswer(data: unknown) {
    if (grant && mayMeanOver(Object(data))) renew().catch(() => {})
  }

  // A page that the browser has kept for its button "Back" has heard nothing meanwhile.
  if ('onpageshow' in globalThis) {
    addEventListener('pageshow', ({ persisted }: Event & { persisted?: boolean }) => {
      if (persisted) renew().catch(() => {})
    })
  }

  return {
    renew,
    recover,
    runForUser,
    checkAnswer,

    /** Sends an operation of `generated/operations.ts` with the cookie. @throws `ServauthError` */
    async request<Data, Variables>(
      document: Operation<Data, Variables>,
      ...[variables]: Record<string, never> extends Variables
        ? [variables?: Variables]
        : [variables: Variables]
    ): Promise<Data> {
      const isMutation = /^\s*mutation\b/.test(document.toString())
      const { signal } = period
      const attempt = async () => {
        const send = (signal: AbortSignal) => sendOperation(`${server}/graphql`, document, variables, signal)
        const data = await runForUser(isMutation, send)
        checkAnswer(data)
        return data
      }
      return attempt().catch(async (fault: unknown) => {
        signal.throwIfAborted()
        if (fault instanceof ServauthError && (await recover(fault.details))) return attempt()
        throw fault
      })
    },

    /** Proves the password or a factor again, see `onStepUp`. */
    stepUp: (input: { password: string } | { proof: FactorProof }) =>
      runExclusive(() => post<Grant>('/auth/step-up', input), period.signal),

    /**
     * Calls the watcher with the signed-in user or null: once it is known, and when it changes in any tab.
     * @returns a function that ends this, as the effects of React expect it
     */
    watch(watcher: Watcher) {
      const own: Watcher = (userId, why) => watcher(userId, why)
      watchers.add(own)
      if (grant !== undefined) void own(grant?.user.id ?? null, '')
      return () => void watchers.delete(own)
    },

    signUp: (credentials: Credentials) =>
      enter(async () => toGrant(await post<Registered>('/auth/register', credentials))),
    signIn: (credentials: Credentials) => enter(() => post<Grant>('/auth/login', credentials)),
    /** Signs in with the answer of the browser to `beginPasskeyLogin`. */
    signInWithPasskey: (answer: PasskeyProof) => enter(() => post<Grant>('/auth/login/passkey', answer)),
    /** Completes a sign-in that was refused with `SECOND_FACTOR_REQUIRED`; `challenge` is the id in the answer. */
    completeSignIn: (challenge: string, proof: FactorProof) =>
      enter(() => post<Grant>('/auth/login/complete', { challenge, proof })),
    signOut: () =>
      runExclusive(async () => {
        // It may be sent twice. After a lost answer, the session may be over already.
        await retry((signal) => post('/auth/logout', undefined, { signal })).catch((fault: unknown) => {
          if (!isSessionOver(fault)) throw fault
        })
        return null
      }),

    /** Sends the token of a mailed link. Under the lock, because a confirmed change of address replaces the cookie. */
    sendMailedToken: (path: string, input: object) => runInTurn(() => post<undefined>(path, input)),

    /** `fetch` for services that accept the access token. Renews a refused token, once, for the same user. */
    async fetch(input: RequestInfo | URL, init?: RequestInit) {
      const { signal } = period
      const send = ({ accessToken }: Grant) => {
        signal.throwIfAborted()
        // The body of a request can be read only once.
        const request = new Request(input instanceof Request ? input.clone() : input, init)
        request.headers.set('authorization', `Bearer ${accessToken}`)
        return fetch(request, { signal: AbortSignal.any([request.signal, signal]) })
      }
      const used = grant ?? (await renew())
      const response = await send(used)
      return response.status === 401 ? send(await renew(used)) : response
    },
  }
}

/** These operations clear the cookie. Later requests are then those of a visitor: they are not refused, and `me` is null. */
const mayMeanOver = ({ me, deleteMe, logout, revokeSession }: Record<string, unknown>) =>
  me === null || Boolean(deleteMe || logout || revokeSession)

/** Why a request of a former user fails. */
const toEnded = () =>
  new ServauthError('The session has ended. Sign in again.', { code: 'UNAUTHENTICATED', reason: 'REVOKED' })

const toGrant = ({ user, accessToken }: Registered): Grant | null =>
  (accessToken && { user, accessToken }) || null
