import { readEvents, type StreamEvent } from './event-stream.ts'

/** `proven`: refuse with 503 while it is not certain what has ended. `token`: then trust a token until it expires. */
export type Freshness = 'proven' | 'token'

/** How old the latest proof may be. */
const MAX_PROOF_AGE_MS = 1000
/** The server sends something every 250 ms. If nothing arrives for so long, another connection is opened. */
const MAX_SILENCE_MS = 2000
/** The same without a proof, because another replica of the server may be better connected. */
const MAX_UNPROVEN_MS = 5000
/** How often a new connection replaces the old one, since the clocks of two machines drift apart. */
const RENEWAL_MS = 300_000
/** A connection that took longer to open than this is replaced sooner: its proofs look older than they are. */
const SLOW_OPEN_MS = 200
const MIN_RENEWAL_MS = 1000
/** By how much the wall clock and the monotonic one may move apart on one connection. */
const MAX_STEP_MS = 100
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 2000

const REPLACED = new Error('Another connection has replaced this one')

/** The part of `fetch` that the feed and the keys need. */
export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>

type Options = {
  url: string
  serviceKey: string
  fetch: Fetch
  /** @returns whether the event is one that ends something */
  onEvent: (event: StreamEvent) => boolean
  onFault: (fault: unknown) => void
}

/**
 * Listens to the feed of revocations, and knows until when its knowledge is complete. `open` was written after this
 * process asked for the feed. So `open.at` of the server's clock is no earlier than the moment of the request here, and
 * the moment of every proof follows. A late or repeated proof is recognised as old, and no clocks have to agree.
 */
export function createFeed({ url, serviceKey, fetch, onEvent, onFault }: Options) {
  let provenAt = Number.NEGATIVE_INFINITY
  let provenAtWall = Number.NEGATIVE_INFINITY
  let position: string | undefined
  const state = { isClosed: false }
  const connections = new Set<AbortController>()
  const waiting = new Set<() => void>()

  function prove(moment: number) {
    if (moment <= provenAt) return
    provenAt = moment
    // The monotonic clock stands still while a machine is suspended.
    provenAtWall = Date.now() - (performance.now() - moment)
    if (!isProven()) return
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  const isProven = () =>
    performance.now() - provenAt < MAX_PROOF_AGE_MS && Date.now() - provenAtWall < MAX_PROOF_AGE_MS

  /** Listens on one connection until it fails. `onProven` is called at its first proof. */
  async function listen(onProven: (openedInMs: number) => void): Promise<never> {
    const abort = new AbortController()
    connections.add(abort)
    const nonce = crypto.randomUUID()
    const askedAt = performance.now()
    const leadAtStart = readWallLead()
    let heardAt = askedAt
    let proofAt = askedAt
    let received = 0
    let opened: { at: number; inMs: number } | undefined
    let isConfirmed = false

    function take(event: StreamEvent) {
      heardAt = performance.now()
      // After a suspension of this machine, the moments of proofs would lie in the future of its monotonic clock.
      if (Math.abs(readWallLead() - leadAtStart) > MAX_STEP_MS)
        throw new Error('The clock of this machine was changed')
      const { name, data } = event
      if (name === 'open') {
        if (data.nonce !== nonce) throw new Error('The feed was answered by a copy of an earlier answer')
        opened = { at: Number(data.at), inMs: heardAt - askedAt }
      } else if (!opened) throw new Error('The feed does not begin with its clock')
      else if (name === 'proof') {
        if (data.sent !== received) {
          // Which one is not known, so the next connection begins from the start.
          position = undefined
          throw new Error('An event of the feed is missing or was repeated')
        }
        prove(askedAt + Number(data.at) - opened.at - Number(data.age))
        proofAt = heardAt
        if (!isConfirmed) onProven(opened.inMs)
        isConfirmed = true
      } else if (onEvent(event)) received++
      if (event.id !== undefined) position = event.id
    }

    const watch = setInterval(() => {
      const now = performance.now()
      if (now - heardAt > MAX_SILENCE_MS || now - proofAt > MAX_UNPROVEN_MS) {
        abort.abort(new Error('The feed is silent'))
      }
    }, 250)
    try {
      const response = await fetch(`${url}?nonce=${nonce}`, {
        headers: {
          authorization: `Bearer ${serviceKey}`,
          accept: 'text/event-stream',
          ...(position !== undefined && { 'last-event-id': position }),
        },
        redirect: 'error',
        cache: 'no-store',
        signal: abort.signal,
      })
      if (response.status !== 200 || !response.body) {
        throw new Error(`The feed was answered with ${response.status}`)
      }
      heardAt = performance.now()
      await readEvents(response.body, take, () => {
        heardAt = performance.now()
      })
      throw new Error('The feed has ended')
    } finally {
      clearInterval(watch)
      connections.delete(abort)
      abort.abort()
    }
  }

  /** Keeps one connection open: replaces it when it fails, and before its clock has drifted. */
  async function run() {
    let slowOpens = 0
    let retryMs = MIN_RETRY_MS
    while (!state.isClosed) {
      const former = new Set(connections)
      let renewAfter = (_ms: number) => {}
      const isRenewable = new Promise<number>((resolve) => {
        renewAfter = resolve
      })
      const isFailed = listen((openedInMs) => {
        for (const connection of former) connection.abort(REPLACED)
        retryMs = MIN_RETRY_MS
        slowOpens = openedInMs > SLOW_OPEN_MS ? slowOpens + 1 : 0
        renewAfter(slowOpens > 0 ? Math.min(RENEWAL_MS, MIN_RENEWAL_MS * 2 ** slowOpens) : RENEWAL_MS)
      }).catch((fault: unknown) => {
        if (!state.isClosed && fault !== REPLACED) onFault(fault)
        return true
      })
      const isDue = isRenewable.then(pause).then(() => false)
      if (await Promise.race([isFailed, isDue])) {
        await pause(retryMs * (0.5 + Math.random() / 2))
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)
      }
    }
  }

  let isStarted = false
  return {
    /** Whether everything that ended until a second ago is known. */
    isProven,

    /** Opens the connection, unless it is open already. */
    start() {
      if (isStarted) return
      isStarted = true
      void run()
    },

    /** Waits for a proof, at most `ms`. @returns whether there is one */
    async untilProven(ms: number) {
      if (isProven() || state.isClosed) return isProven()
      await new Promise<void>((resolve) => {
        waiting.add(resolve)
        setTimeout(() => {
          waiting.delete(resolve)
          resolve()
        }, ms)
      })
      return isProven()
    },

    close() {
      state.isClosed = true
      provenAt = Number.NEGATIVE_INFINITY
      for (const connection of connections) connection.abort()
    },
  }
}

const readWallLead = () => Date.now() - performance.now()

/** The timer does not keep a process alive. */
const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer: unknown = setTimeout(resolve, ms)
    ;(timer as { unref?: () => void }).unref?.()
  })
