import { keepTrying, Refusal, request } from '../shared/rest.ts'

type Credentials = { email: string; password: string }
type Grant = { user: { id: string }; accessToken: string }
/** A new address that must be verified first gets no token, and nobody is signed in. */
type Registered = { user: { id: string }; accessToken: string | null }
/** `why` is a sentence when the session ended by itself. */
type Watcher = (userId: string | null, why: string) => unknown
type News = { grant: Grant | null; why: string }

/**
 * The session that all tabs of an origin share. The cookie, which no script can read, is what
 * Servauth itself goes by; the short-lived access token is for other services, and lives in memory.
 *
 * Whatever changes the cookie is done here: under one lock, so that replies to two tabs cannot
 * overtake each other, and past any GraphQL client, whose requests may be waiting for the outcome.
 */
export function createSession(server: string) {
  const tabs = new BroadcastChannel('servauth')
  const watchers: Watcher[] = []
  /** Null when signed out, undefined as long as nobody knows. */
  let grant: Grant | null | undefined
  let renewing: Promise<Grant> | undefined

  tabs.onmessage = ({ data }: MessageEvent<News>) => void keep(data)

  async function keep({ grant: next, why }: News) {
    const changed = grant === undefined || next?.user.id !== grant?.user.id
    grant = next
    if (!changed) return
    for (const watcher of watchers) await watcher(next?.user.id ?? null, why)
  }

  async function share(news: News) {
    if (news.grant === grant) return
    void keep(news)
    tabs.postMessage(news)
    // A message may be slower than the lock, and the next tab should find it there.
    await new Promise((done) => setTimeout(done, 20))
  }

  /** Runs in one tab at a time, and makes what comes of it known to all of them. */
  const alone = <T extends Grant | null>(work: () => Promise<T>): Promise<T> =>
    navigator.locks.request('servauth', async () => {
      try {
        const grant = await work()
        await share({ grant, why: '' })
        return grant
      } catch (fault) {
        if (isOver(fault)) await share({ grant: null, why: fault.reason === 'MISSING' ? '' : fault.message })
        throw fault
      }
    })

  const post = <T>(path: string, body?: unknown) =>
    request<T>(`${server}${path}`, { method: 'POST', credentials: 'include', body })

  /**
   * A session other than the one that was refused; all who ask meanwhile, in all tabs, share one
   * request. @throws when there is none, and then everybody has been told; or when nobody answers.
   */
  async function renew(refused = grant): Promise<Grant> {
    if (grant && grant !== refused) return grant
    renewing ??= alone(async () => {
      if (grant === refused) return keepTrying(() => post<Grant>('/auth/refresh'))
      // Another tab was first.
      if (grant) return grant
      throw new Error('The session has ended. Sign in again.')
    }).finally(() => {
      renewing = undefined
    })
    return renewing
  }

  return {
    renew,

    /** Told who is signed in, or null, as soon as that is known and whenever it changes, in whichever tab; one watcher after the other. */
    watch: (watcher: Watcher) => watchers.push(watcher),

    signUp: (credentials: Credentials) =>
      alone(async () => granted(await post<Registered>('/auth/register', credentials))),
    signIn: (credentials: Credentials) => alone(() => post<Grant>('/auth/login', credentials)),
    signOut: () =>
      alone(async () => {
        await post('/auth/logout')
        return null
      }),

    /** `fetch` for services that take the access token. A token that is refused is renewed, once. */
    async fetch(input: RequestInfo | URL, init?: RequestInit) {
      const send = ({ accessToken }: Grant) => {
        const headers = new Headers(init?.headers)
        headers.set('authorization', `Bearer ${accessToken}`)
        return fetch(input, { ...init, headers })
      }
      const used = grant ?? (await renew())
      const response = await send(used)
      return response.status === 401 ? send(await renew(used)) : response
    },
  }
}

const granted = ({ user, accessToken }: Registered): Grant | null =>
  (accessToken && { user, accessToken }) || null

/** What Servauth answers about a session that is over or was never there. A server that is away says nothing of the kind. */
const isOver = (fault: unknown): fault is Refusal =>
  fault instanceof Refusal && (fault.code === 'UNAUTHENTICATED' || fault.code === 'REFRESH_REUSED')
