import { join } from 'node:path'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { createProfile, type Fate, type Sent } from './support/browser-tabs.ts'
import { createProject } from './support/project.ts'
import { ORIGIN, useServer } from './support/server.ts'
import { pause } from './support/time.ts'

// A failure prints its seed. Answers race, so the same seed may need several tries.
const { TABS_RUNS = '40', TABS_SEED } = process.env
const API = 'https://api.example.com/orders'
const server = useServer()

const PACKAGES = [
  '@servauth/client',
  '@graphql-typed-document-node/core',
  '@servauth/apollo',
  '@apollo/client',
]
const OTHERS = ['graphql', 'rxjs', '@servauth/urql', '@urql/core', '@urql/exchange-auth', 'wonka']

/** The page in each tab. */
const PAGE = `
import { createApolloClient } from '@servauth/apollo'
import { createSession } from '@servauth/client'
import { MeDocument, UpdateMeDocument } from '@servauth/client/documents'
import * as texts from '@servauth/client'
import { createUrqlClient } from '@servauth/urql'

export function start(url, api, { prove, hear, show }) {
  const session = createSession(url, {
    onStepUp: async () => session.stepUp({ password: await prove() }).then(() => true),
  })
  session.watch(hear)
  const apollo = createApolloClient(url, session)
  const urql = createUrqlClient(url, session)
  const shown = (how) => ({ data, error }) => show(how, error ? undefined : (data?.me?.id ?? null))
  apollo.watchQuery({ query: MeDocument }).subscribe({ next: shown('Apollo'), error() {} })
  urql.query(MeDocument, {}).subscribe(shown('urql'))
  session.renew().catch(() => {})
  return {
    signIn: (credentials) => session.signIn(credentials),
    signOut: () => session.signOut(),
    renew: () => session.renew(),
    order: (body) => session.fetch(api, { method: 'POST', body }),
    read: () => urql.query(MeDocument, {}, { requestPolicy: 'network-only' }).toPromise(),
    change: (input) => session.request(texts.UpdateMeDocument, { input }),
    changeByApollo: (input) => apollo.mutate({ mutation: UpdateMeDocument, variables: { input } }),
    changeByUrql: (input) => urql.mutation(UpdateMeDocument, { input }).toPromise(),
  }
}`

type Input = Record<string, string>
type Page = { [Name in 'signOut' | 'renew' | 'read']: () => Promise<unknown> } & {
  [Name in 'signIn' | 'change' | 'changeByApollo' | 'changeByUrql']: (input: Input) => Promise<unknown>
} & { order: (body: string) => Promise<unknown> }

async function buildPage() {
  const { folder, write } = await createProject([...PACKAGES, ...OTHERS])
  await write('page.ts', PAGE)
  const define = { 'process.env.NODE_ENV': '"production"' }
  const { outputs } = await Bun.build({
    entrypoints: [join(folder, 'page.ts')],
    target: 'browser',
    format: 'cjs',
    define,
  })
  return (await outputs[0]?.text()) ?? ''
}

const CHANGES = ['change', 'changeByApollo', 'changeByUrql'] as const
const MOVES = ['signIn', 'signOut', 'renew', 'read', 'order', 'reload', 'forgetProofs', ...CHANGES] as const

const fate: fc.Arbitrary<Fate> = fc.record({
  kind: fc.constantFrom('answered', 'answered', 'answered', 'answered', 'refused', 'lost', 'busy'),
  before: fc.constantFrom(0, 3, 15),
  after: fc.constantFrom(0, 3, 15, 60),
})
const move = fc.record({
  name: fc.constantFrom(...MOVES),
  which: fc.nat(2),
  user: fc.nat(1),
  isEmail: fc.boolean(),
  pauseMs: fc.constantFrom(0, 1, 5, 40),
})

test('whatever two users do in three tabs, nothing of one is shown to or done for the other', {
  retry: 0,
}, async () => {
  const script = await buildPage()
  const property = fc.asyncProperty(
    fc.array(fate, { maxLength: 40, size: 'max' }),
    fc.array(move, { minLength: 3, maxLength: 12, size: 'max' }),
    (fates, moves) => explore(script, fates, moves),
  )
  const options = {
    numRuns: Number(TABS_RUNS) / 4,
    endOnFailure: true,
    ...(TABS_SEED && { seed: Number(TABS_SEED) }),
  }
  // Several at a time, because a run mostly waits.
  await Promise.all([1, 2, 3, 4].map(() => fc.assert(property, options)))
})

type Move = typeof move extends fc.Arbitrary<infer Made> ? Made : never
type Tab = {
  page: Page
  isOpen: () => boolean
  close: () => void
  closed: Promise<void>
  told?: string | null
  shown: Shown
}
/** The user that each query on the page shows: null if it shows none, undefined if it shows an error. */
type Shown = Record<string, string | null | undefined>

async function explore(script: string, fates: Fate[], moves: Move[]) {
  const users = [await server.registerUser(), await server.registerUser()]
  const ids = users.map(({ user }) => user.id)
  const profile = createProfile(ORIGIN, send, [...fates])
  const wrongs: string[] = []
  const doubted = new Set<string>()
  let count = 0

  /** The service refuses each order once, and so the client renews its token. */
  async function send(path: string, init: RequestInit) {
    if (path !== API) return server.fetch(path, init)
    const body = String(init.body)
    const [, token = ''] = String(new Headers(init.headers).get('authorization')).split(' ')
    if (!body.startsWith(String(decodeJwt(token).sub))) wrongs.push('an order is made for another user')
    const status = doubted.has(body) ? 201 : 401
    doubted.add(body)
    return Response.json({}, { status })
  }

  function openTab(): Tab {
    const { globals, ...opened } = profile.openTab()
    const module = { exports: {} as { start: (url: string, api: string, hooks: object) => Page } }
    const names = ['module', 'exports', ...Object.keys(globals)]
    new Function(...names, script)(module, module.exports, ...Object.values(globals))
    const tab: Tab = { ...opened, page: {} as Page, shown: {} }
    tab.page = module.exports.start(ORIGIN, API, {
      prove: async () => users[0]?.password,
      hear(userId: string | null) {
        tab.told = userId
      },
      show(how: string, userId: string | null | undefined) {
        tab.shown[how] = userId
        const isKnown =
          tab.told === undefined || [null, tab.told, profile.state.userId].includes(userId ?? null)
        if (tab.isOpen() && !isKnown) wrongs.push(`${how} shows a former user`)
      },
    })
    return tab
  }

  const tabs = [openTab(), openTab(), openTab()]

  async function make({ name, which, user, isEmail }: Move) {
    const tab = tabs[which] as Tab
    const id = tab.told === profile.state.userId ? tab.told : undefined
    const mark = `${id}.${++count}`
    if (name === 'reload') {
      tab.close()
      tabs[which] = openTab()
    } else if (name === 'forgetProofs') {
      await server.sql`update sessions set authenticated_at = now() - interval '1 hour' where user_id = any(${ids})`
    } else if (name === 'signIn') {
      const [row] = await server.sql`select email from users where id = ${ids[user] ?? null}`
      await tab.page.signIn({ email: row?.email, password: users[user]?.password ?? '' })
    } else if (name === 'signOut' || name === 'renew' || name === 'read') await tab.page[name]()
    else if (!id) return
    else if (name === 'order') await tab.page.order(mark)
    else await tab.page[name](isEmail ? { email: `${mark}@example.com` } : { username: mark })
  }

  const untilQuiet = async () => {
    for (let quiet = 0; quiet < 5; quiet++) {
      await pause(10)
      if (profile.state.running > 0) quiet = 0
    }
  }

  const running: Promise<unknown>[] = []
  await tabs[0]?.page
    .signIn({ email: users[0]?.email ?? '', password: users[0]?.password ?? '' })
    .catch(() => {})
  for (const one of moves) {
    // What a closed tab has begun does not end.
    running.push(Promise.race([make(one).catch(() => {}), tabs[one.which]?.closed]))
    await pause(one.pauseMs)
  }
  await Promise.all(running)
  await untilQuiet()
  await tabs[0]?.page.renew().catch(() => {})
  await untilQuiet()

  const { sessionId, isSecretLost, requests } = profile.state
  const [row] = sessionId ? await server.sql`select user_id from sessions where id = ${sessionId}` : []
  const live: string | null = row && !isSecretLost ? row.user_id : null
  for (const { told, shown } of tabs.filter((tab) => tab.told !== undefined)) {
    if (told !== live) wrongs.push(`a tab was told ${told}, and the session is of ${live}`)
    for (const id of Object.values(shown))
      if (id !== undefined && id !== live) wrongs.push(`a tab shows ${id}`)
  }
  const opening = profile.sent.findLastIndex(({ json }) => json.session?.id === sessionId)
  const isEnded = profile.sent.slice(opening + 1).some(({ path }) => /log(in|out)/.test(path))
  if (sessionId && !row && !isEnded) wrongs.push('the session was lost')
  wrongs.push(...findWrongChanges(profile.sent))
  const thefts = await server.sql`select from events where user_id = any(${ids}) and kind = 'refresh_reused'`
  if (thefts.length > 0) wrongs.push('a refresh looked like theft')
  if (requests > 60 + 15 * moves.length) wrongs.push(`there were ${requests} requests`)
  for (const tab of tabs) tab.close()
  expect(wrongs.join('\n')).toBe('')
}

/** A change has a mark of the user that it was begun for, and is made once. */
function findWrongChanges(sent: Sent[]) {
  const made = sent.filter(({ body, code }) => /updateMe/.test(body) && code === 'OK')
  const isForeign = ({ body, json }: Sent) => !body.includes(`"${json.data?.updateMe?.id}.`)
  return [
    ...made.filter(isForeign).map(() => 'a change was made for another user'),
    ...(new Set(made.map(({ body }) => body)).size < made.length ? ['a change was made twice'] : []),
  ]
}
