import { pause } from './time.ts'

// The parts of a browser that tabs share, in one process: cookies, locks, messages and a network that fails. The code of a
// tab gets them in the place of its globals.

/** What happens to a request. */
export type Fate = { kind: 'answered' | 'refused' | 'lost' | 'busy'; before: number; after: number }
const ANSWERED: Fate = { kind: 'answered', before: 0, after: 0 }

/** A request that reached the server, with its answer. */
export type Sent = { path: string; body: string; code: string; json: Answer }
type Answer = {
  user?: { id: string }
  session?: { id: string }
  code?: string
  data?: Data
  errors?: Failed[]
}
type Data = { updateMe?: { id: string } }
type Failed = { extensions: { code: string } }

type Send = (path: string, init: RequestInit) => Promise<Response>
type Channel = {
  name: string
  isOpen: () => boolean
  onmessage: ((message: { data: unknown }) => void) | undefined
}

/** The waits of the client are a tenth as long here. */
const scale = (ms: number) => (ms < 100 ? ms : ms / 10)

/** One profile of a browser. Its requests have the given fates, in order, and then none of them fails. */
export function createProfile(origin: string, send: Send, fates: Fate[]) {
  const cookies = new Map<string, string>()
  const channels = new Set<Channel>()
  const sent: Sent[] = []
  const turns = new Map<string, Promise<unknown>>()
  const state = { userId: null as string | null, sessionId: '', isSecretLost: false, running: 0, requests: 0 }

  function keepCookies(response: Response, { user, session }: Answer) {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value) cookies.set(name, value)
      else cookies.delete(name)
      if (name.endsWith('-device')) continue
      state.isSecretLost = false
      if (!value) Object.assign(state, { userId: null, sessionId: '' })
      else if (user) Object.assign(state, { userId: user.id, sessionId: session?.id ?? state.sessionId })
    }
  }

  /** The globals of a new tab, and a function that closes it. */
  function openTab() {
    let isOpen = true

    async function wait(ms: number, signal: AbortSignal) {
      await pause(ms)
      signal.throwIfAborted()
      if (!isOpen) throw new TypeError('The tab is closed')
    }

    async function request(input: RequestInfo | URL, init?: RequestInit) {
      const asked = new Request(input, init)
      const { signal, method, headers } = asked
      signal.throwIfAborted()
      const path = asked.url.replace(origin, '')
      const body = await asked.text()
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const { kind, before, after } = fates.shift() ?? ANSWERED
      state.requests++
      await wait(before, signal)
      if (kind === 'refused') throw new TypeError('The network refused it')
      if (kind === 'busy') return Response.json({ code: 'SERVICE_UNAVAILABLE' }, { status: 503 })
      const sentHeaders = { ...Object.fromEntries(headers), 'sec-fetch-site': 'same-origin', cookie }
      const response = await send(path, { method, headers: sentHeaders, ...(body && { body }) })
      const text = await response.text()
      const json: Answer = text ? JSON.parse(text) : {}
      sent.push({ path, body, json, code: json.code ?? json.errors?.[0]?.extensions.code ?? 'OK' })
      // These give the session a secret that only their answer has. Its loss signs the client out.
      const isRenewed = /updateMe/.test(body) || path === '/auth/step-up'
      if (isRenewed && response.headers.has('set-cookie')) state.isSecretLost = true
      if (kind === 'lost') throw new TypeError('The network lost the answer')
      await wait(after, signal)
      keepCookies(response, json)
      return new Response(response.status === 204 ? null : text, response)
    }

    async function fetchCounted(input: RequestInfo | URL, init?: RequestInit) {
      state.running++
      try {
        return await request(input, init)
      } finally {
        state.running--
      }
    }

    /** One tab at a time. */
    function requestLock(name: string, work: () => Promise<unknown>) {
      const result = (turns.get(name) ?? Promise.resolve()).then(() => isOpen && work())
      turns.set(
        name,
        result.catch(() => {}),
      )
      return result
    }

    class TabChannel implements Channel {
      name: string
      onmessage: Channel['onmessage']
      isOpen = () => isOpen
      constructor(name: string) {
        this.name = name
        channels.add(this)
      }
      postMessage(data: unknown) {
        if (!isOpen) return
        for (const other of channels) {
          if (other === this || other.name !== this.name) continue
          setTimeout(() => other.isOpen() && other.onmessage?.({ data: structuredClone(data) }), 1)
        }
      }
    }

    const timeout = (work: () => void, ms = 0) => setTimeout(work, scale(ms))
    class TabSignal extends AbortSignal {
      static override timeout = (ms: number) => AbortSignal.timeout(scale(ms))
      static override any = (signals: AbortSignal[]) => AbortSignal.any(signals)
    }
    const globals = {
      navigator: { locks: { request: requestLock } },
      BroadcastChannel: TabChannel,
      fetch: fetchCounted,
      setTimeout: timeout,
      AbortSignal: TabSignal,
    }
    let close = () => {}
    const closed = new Promise<void>((resolve) => {
      close = () => {
        isOpen = false
        resolve()
      }
    })
    return { globals, close, closed, isOpen: () => isOpen }
  }

  return { state, sent, openTab }
}
