import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { inBrowser, startDevelopment, useBrowser } from './support/browser.ts'
import { account } from './support/client.ts'
import { useAuthServer } from './support/examples.ts'
import { buildModule, openModulePage } from './support/module-page.ts'
import { freePort } from './support/process.ts'
import { createProject } from './support/project.ts'
import { snippetsOf } from './support/snippets.ts'
import { pause } from './support/time.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PORT = await freePort()
const PASSED = { status: 0, output: expect.anything() }

const CLIENT = ['@servauth/client', '@graphql-typed-document-node/core']
const APOLLO = ['@servauth/apollo', '@apollo/client', 'graphql', 'rxjs']
const URQL = ['@servauth/urql', '@urql/core', '@urql/exchange-auth', 'wonka']
const NAMES = ['client', 'apollo', 'urql', 'verify'].map((name) => `@servauth/${name}`)

test.each([
  ['apollo', '@apollo/client'],
  ['verify', 'graphql-yoga'],
])(
  'the package %s can be installed beside every version of graphql from 16 that %s takes',
  async (name, other) => {
    const readRange = async (path: string): Promise<string> =>
      JSON.parse(await readFile(join(ROOT, path, 'package.json'), 'utf8')).peerDependencies.graphql
    const own = await readRange(`packages/${name}`)

    for (const version of (await readRange(`node_modules/${other}`)).split(' || ')) {
      expect(own.split(' || ').includes(version) || version.startsWith('^15')).toBe(true)
    }
  },
)

/** An app that uses all three packages, and that breaks the build if their types are wrong. */
const APP = `
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client'
import { createApolloClient, createServauthLink, resetOnUserChange } from '@servauth/apollo'
import { createSession, DeleteMeDocument, describeError, MeDocument, RevokeOtherSessionsDocument, ServauthError, UpdateMeDocument } from '@servauth/client'
import * as documents from '@servauth/client/documents'
import { createUrqlClient } from '@servauth/urql'

export function start(url: string, password: string) {
  const heard: (string | null)[] = []
  const asked: string[][] = []
  /** What happens while the page asks for a proof. */
  const hooks = { beforeProof: async () => {} }
  const session = createSession(url, {
    async onStepUp({ methods }) {
      asked.push(methods)
      await hooks.beforeProof()
      await session.stepUp({ password })
      return true
    },
  })
  session.watch((userId) => heard.push(userId))
  const apollo = createApolloClient(url, session)
  const urql = createUrqlClient(url, session)
  const ownApollo = new ApolloClient({
    link: createServauthLink(session).concat(new HttpLink({ uri: url + '/graphql', credentials: 'include' })),
    cache: new InMemoryCache(),
  })
  resetOnUserChange(ownApollo, session)

  async function readEmails(): Promise<(string | undefined)[]> {
    const byApollo = { query: documents.MeDocument, fetchPolicy: 'network-only' } as const
    const [own, ...others] = await Promise.all([
      session.request(MeDocument),
      apollo.query(byApollo),
      ownApollo.query(byApollo),
      urql.query(documents.MeDocument, {}),
    ])
    return [own, ...others.map(({ data }) => data)].map((data) => data?.me?.email)
  }

  /** What two queries that stay on the page show. */
  const shown = { byApollo: '', byUrql: '' }
  const show = () => {
    apollo
      .watchQuery({ query: documents.MeDocument })
      .subscribe(({ data, error }) => (shown.byApollo = data?.me?.email ?? error?.message ?? ''))
    urql
      .query(documents.MeDocument, {})
      .subscribe(({ data, error }) => (shown.byUrql = data?.me?.email ?? error?.message ?? ''))
  }

  const changeEmail = (email: string) => session.request(UpdateMeDocument, { input: { email } })
  const changeEmailByApollo = (email: string) =>
    apollo.mutate({ mutation: documents.UpdateMeDocument, variables: { input: { email } } })
  const changeEmailByUrql = (email: string) =>
    urql.mutation(documents.UpdateMeDocument, { input: { email } }).then(({ error }) => {
      if (error) throw error
    })

  async function explain(work: () => Promise<unknown>) {
    try {
      await work()
      return 'done'
    } catch (fault) {
      if (fault instanceof ServauthError) return [fault.code, fault.fields?.[0]?.path, describeError(fault)]
      return 'no answer'
    }
  }

  const deleteMe = () => session.request(DeleteMeDocument)
  const deleteMeByApollo = () => apollo.mutate({ mutation: documents.DeleteMeDocument })
  const deleteMeByUrql = () => urql.mutation(documents.DeleteMeDocument, {}).toPromise()

  const describeFaults = () =>
    Promise.all([
      session.request(MeDocument).catch(describeError),
      apollo.query({ query: documents.MeDocument, fetchPolicy: 'network-only' }).catch(describeError),
      urql.query(documents.MeDocument, {}).then(({ error }) => error && describeError(error)),
    ])

  const revokeOthers = () => session.request(RevokeOtherSessionsDocument)
  return { session, heard, asked, hooks, apollo, urql, documents, readEmails, shown, show, changeEmail, changeEmailByApollo, changeEmailByUrql, explain, deleteMe, deleteMeByApollo, deleteMeByUrql, describeFaults, revokeOthers }
}

export const wrong = (session: ReturnType<typeof createSession>) => {
  // @ts-expect-error The variables of this operation are needed.
  void session.request(UpdateMeDocument)
  // @ts-expect-error A parsed document cannot be sent as text.
  void session.request(documents.MeDocument)
  // @ts-expect-error There is no such field.
  void session.request(UpdateMeDocument, { input: { mail: 'ada@example.com' } })
}
`

describe('the packages, built and packed as for a release', () => {
  const COMPILER_OPTIONS = { strict: true, noEmit: true, target: 'es2023', lib: ['ES2023', 'DOM'], types: [] }

  test.each(['bundler', 'nodenext'])(
    'the types of the packages compile with the resolution of %s',
    async (how) => {
      const { write, run } = await createProject([...CLIENT, ...APOLLO, ...URQL])
      await write('app.ts', APP)
      const module = how === 'bundler' ? 'esnext' : how
      // The types of a dependency of Apollo Client do not compile with this resolution.
      const skipLibCheck = how === 'nodenext'
      const compilerOptions = { ...COMPILER_OPTIONS, module, moduleResolution: how, skipLibCheck }
      await write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['app.ts'] }))

      expect(run('tsc')).toEqual(PASSED)
    },
  )

  test('all of them bring the license', async () => {
    const { folder } = await createProject(NAMES)
    const read = (path: string) => readFile(path, 'utf8')
    const licenses = NAMES.map((name) => read(join(folder, 'node_modules', name, 'LICENSE')))

    expect(new Set(await Promise.all(licenses))).toEqual(new Set([await read(join(ROOT, 'LICENSE'))]))
  })

  test('the client needs neither Apollo Client nor urql', async () => {
    const { write, run } = await createProject(CLIENT)
    await write('app.ts', "import { createSession } from '@servauth/client'\ncreateSession('')\n")
    const compilerOptions = { ...COMPILER_OPTIONS, module: 'esnext', moduleResolution: 'bundler' }
    await write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['app.ts'] }))

    expect(run('tsc')).toEqual(PASSED)
  })
})

describe('an app with the packages', () => {
  const browser = useBrowser()
  const auth = useAuthServer({ ALLOWED_ORIGINS: `http://localhost:${PORT}` })
  let script = ''

  async function buildApp() {
    const { folder, write } = await createProject([...CLIENT, ...APOLLO, ...URQL])
    await write('app.ts', APP)
    return buildModule(join(folder, 'app.ts'))
  }

  /** The app in a browser, with a user who has signed up. `run` evaluates an expression with the parts of the app. */
  async function openApp() {
    script ||= await buildApp()
    const page = await openModulePage(browser, script, PORT)
    const person = account()
    const run = <T>(work: string) =>
      page.evaluate<T>(`import('/module.js').then(async ({ start }) => {
        const app = (globalThis.app ??= start('${auth.url}', '${person.password}'))
        return (${work})
      })`)
    await run(`app.session.signUp(${JSON.stringify(person)}).then(() => true)`)
    return { page, person, run }
  }

  /** Delays the answers to the next operations whose body matches. */
  const delayAnswers = (page: Page, body: RegExp, ms: number, count = Number.POSITIVE_INFINITY) =>
    page.route('**/graphql', async (route) => {
      if (count === 0 || !body.test(route.request().postData() ?? '')) return route.continue()
      count--
      // The page may be closed meanwhile, or have given the request up.
      const response = await route.fetch().catch(() => undefined)
      await pause(ms)
      if (response) await route.fulfill({ response }).catch(() => {})
    })

  inBrowser('the form of docs/front-end.md keeps what its user typed if Servauth refuses it', async () => {
    const { snippets, packages } = await snippetsOf('front-end')
    const { folder, write } = await createProject([...VITE_TEMPLATE, ...packages])
    for (const { path, code } of snippets) {
      await write(path, code.replaceAll('http://localhost:3000', auth.url))
    }
    await write('tsconfig.json', JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
    const main = `import { createElement } from 'react'
      import { createRoot } from 'react-dom/client'
      import App from './App'
      createRoot(document.body).render(createElement(App))`
    await write('src/main.ts', main)
    const page = await openModulePage(browser, await buildModule(join(folder, 'src/main.ts')), PORT)
    await page.evaluate("import('/module.js').then(() => true)")
    const { email, password } = account()

    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button').click()
    await page.getByRole('alert').getByText('wrong').waitFor()

    expect(await page.getByLabel('E-mail').inputValue()).toBe(email)
  })

  inBrowser('parallel refreshes are one, and all clients read the user', async () => {
    const { person, run } = await openApp()
    const before = (await auth.refreshes()).length

    const ids = await run<string[]>(
      'Promise.all([1, 2, 3].map(() => app.session.renew())).then((grants) => grants.map(({ user }) => user.id))',
    )

    expect(new Set(ids).size).toBe(1)
    expect((await auth.refreshes()).slice(before)).toEqual(['OK'])
    expect(await run('app.readEmails()')).toEqual(Array(4).fill(person.email))
  })

  inBrowser('queries on the page show the user who is signed in, and nothing after a sign-out', async () => {
    const { person, run } = await openApp()
    const other = account()
    const shows = (email: string) =>
      expect.poll(() => run('app.shown')).toEqual({ byApollo: email, byUrql: email })

    await run('app.show()')
    await shows(person.email)
    await run('app.session.signOut().then(() => true)')
    await shows('')
    await run(`app.session.signUp(${JSON.stringify(other)}).then(() => true)`)
    await shows(other.email)
    await run(`app.session.signIn(${JSON.stringify(person)}).then(() => true)`)
    await shows(person.email)
  })

  inBrowser('an answer that comes late is not shown to the next user', async () => {
    const { page, run } = await openApp()
    const other = account()
    await run('app.show()')
    await expect.poll(() => run('app.shown.byUrql')).not.toBe('')

    await delayAnswers(page, /query Me/, 600, 4)
    const isAsked = page.waitForRequest('**/graphql')
    await run('void app.readEmails().catch(() => {})')
    await isAsked
    await run(`app.session.signUp(${JSON.stringify(other)}).then(() => true)`)
    const shown = { byApollo: other.email, byUrql: other.email }
    await expect.poll(() => run('app.shown')).toEqual(shown)
    await pause(900)

    expect(await run('app.shown')).toEqual(shown)
  })

  inBrowser('nothing of a user is shown after a sign-out, while the server does not answer', async () => {
    const { page, person, run } = await openApp()
    await run('app.show()')
    await expect.poll(() => run('app.shown')).toEqual({ byApollo: person.email, byUrql: person.email })

    await delayAnswers(page, /query Me/, 5000)
    await run('app.session.signOut().then(() => true)')

    expect(await run('app.shown')).toEqual({ byApollo: '', byUrql: '' })
  })

  inBrowser.each(['Apollo', 'Urql'])(
    'a change by %s keeps its place among changes of the cookie',
    async (by) => {
      const { page, run } = await openApp()
      const other = await auth.registerUser()
      await delayAnswers(page, /mutation UpdateMe/, 500)

      const userId = await run(`(async () => {
      const change = app.changeEmailBy${by}('${account().email}')
      await app.session.signIn(${JSON.stringify(other.input)})
      await change
      return (await app.session.renew()).user.id
    })()`)

      expect(userId).toBe(other.user.id)
    },
  )

  inBrowser.each(['Apollo', 'Urql'])(
    'a change by %s is not made for a user who signs in meanwhile',
    async (by) => {
      const { run } = await openApp()
      const other = await auth.registerUser()
      const { email } = account()
      await auth.forgetProofs()

      const outcome = await run(`(async () => {
      app.hooks.beforeProof = () => app.session.signIn(${JSON.stringify(other.input)})
      return app.explain(() => app.changeEmailBy${by}('${email}'))
    })()`)

      expect(outcome).not.toBe('done')
      expect((await auth.sql`select from users where email = ${email}`).length).toBe(0)
    },
  )

  inBrowser('queries that run while the session becomes known are answered', async () => {
    const { page, person, run } = await openApp()
    await delayAnswers(page, /query Me/, 300)
    await page.reload()

    const emails = await run(
      'Promise.all([app.readEmails(), app.session.renew()]).then(([emails]) => emails)',
    )

    expect(emails).toEqual(Array(4).fill(person.email))
  })

  inBrowser('a query that runs while a user signs in is answered for that user', async () => {
    const { page, person, run } = await openApp()
    await run('app.session.signOut().then(() => true)')
    await delayAnswers(page, /query Me/, 1000, 2)

    const emails = await run(`(async () => {
      const { MeDocument } = app.documents
      const byApollo = app.apollo.query({ query: MeDocument, fetchPolicy: 'network-only' })
      const byUrql = app.urql.query(MeDocument, {}).toPromise()
      await app.session.signIn(${JSON.stringify(person)})
      return [(await byApollo).data.me?.email, (await byUrql).data.me?.email]
    })()`)

    expect(emails).toEqual([person.email, person.email])
  })

  inBrowser.each(['deleteMe', 'deleteMeByApollo', 'deleteMeByUrql'])(
    'all tabs know that the user is signed out after %s',
    async (deletion) => {
      const { page, run } = await openApp()
      const other = await page.context().newPage()
      await other.goto(page.url())
      const watch = `import('/module.js').then(async ({ start }) => {
        const app = (globalThis.app ??= start('${auth.url}', ''))
        await app.session.renew()
      })`
      await other.evaluate(watch)

      await run(`app.${deletion}().then(() => true)`)

      for (const tab of [page, other]) {
        await expect.poll(() => tab.evaluate('app.heard.at(-1)')).toBe(null)
      }
      expect(await run('app.session.renew().catch(({ code }) => code)')).toBe('UNAUTHENTICATED')
    },
  )

  inBrowser('a page whose cookie is gone signs the user out when it reads the user', async () => {
    const { page, run } = await openApp()
    await page.context().clearCookies()

    await run('app.readEmails().catch(() => {})')

    await expect.poll(() => run('app.heard.at(-1)')).toBe(null)
  })

  inBrowser('a parsed document that a script without types sends is refused with the reason', async () => {
    const { run } = await openApp()

    const refused = run('app.session.request(app.documents.MeDocument)')

    await expect(refused).rejects.toThrow('operations as text')
  })

  inBrowser('a request that needs a newer proof is repeated after the step-up', async () => {
    const { run } = await openApp()

    for (const change of ['changeEmail', 'changeEmailByApollo', 'changeEmailByUrql']) {
      await auth.forgetProofs()
      const { email } = account()
      expect(await run(`app.explain(() => app.${change}('${email}'))`)).toBe('done')
    }

    const asked = await run<string[][]>('app.asked')
    expect(asked).toEqual([['password'], ['password'], ['password']])
  })

  inBrowser('an error without an answer is described in a sentence', async () => {
    const { page, run } = await openApp()
    await page.context().setOffline(true)

    const sentence = 'The server did not answer. Check the connection and try again.'
    expect(await run('app.describeFaults()')).toEqual([sentence, sentence, sentence])
  })

  inBrowser('an error has its fields, and says what is wrong', async () => {
    const { run } = await openApp()

    expect(await run("app.explain(() => app.changeEmail('nonsense'))")).toEqual([
      'INVALID_INPUT',
      expect.stringContaining('email'),
      'Must be an e-mail address.',
    ])
  })

  inBrowser('a server that is down signs no user out, and a revoked session does', async () => {
    const { person, run } = await openApp()
    await auth.stop()
    expect(await run('app.explain(app.readEmails)')).toBe('no answer')
    await auth.start()
    expect(await run('app.heard')).toEqual([expect.any(String)])

    const elsewhere = auth.client('REST', 'COOKIE')
    await elsewhere.login(person)
    await elsewhere.call('revokeOtherSessions')

    expect(await run('app.explain(app.revokeOthers)')).toEqual([
      'UNAUTHENTICATED',
      undefined,
      expect.any(String),
    ])
    expect(await run('app.heard')).toEqual([expect.any(String), null])
  })
})

/** What a new project of Vite's template `react-ts` installs, as far as a build needs it. */
const VITE_TEMPLATE = ['react', 'react-dom', '@types/react', '@types/react-dom', 'typescript', 'vite']

/** The options of `tsconfig.app.json` in that template. */
const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['ES2023', 'DOM'],
  module: 'esnext',
  types: ['vite/client'],
  allowArbitraryExtensions: true,
  skipLibCheck: true,
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: 'force',
  noEmit: true,
  jsx: 'react-jsx',
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
}

describe('the snippets of docs/front-end.md', () => {
  test('the snippets of docs/front-end.md generate types, compile and build as pasted in a new app of Vite and React', async () => {
    const { url } = await startDevelopment()
    const { snippets, packages } = await snippetsOf('front-end')
    const { folder, write, run } = await createProject([...VITE_TEMPLATE, ...packages])
    await cp(join(ROOT, 'examples/operations'), join(folder, 'src/operations'), { recursive: true })
    for (const { path, code } of snippets) {
      await write(path, code.replaceAll('http://localhost:3000', url))
    }
    const components = snippets.filter(({ path }) => path.startsWith('src/'))
    const imports = components.map(({ path }, index) => {
      const module = path.replace(/^src\/(.*)\.tsx?$/, './$1')
      return `import * as part${index} from '${module}'\nconsole.log(part${index})`
    })
    await write('src/main.ts', imports.join('\n'))
    await write('index.html', '<!doctype html><script type="module" src="/src/main.ts"></script>')
    await write('tsconfig.json', JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['src'] }))

    expect(components.length).toBeGreaterThan(3)
    expect(run('graphql-codegen')).toEqual(PASSED)
    expect(run('tsc')).toEqual(PASSED)
    expect(run('vite build')).toEqual(PASSED)
  })
})
