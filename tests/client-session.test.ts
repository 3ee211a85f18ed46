import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { inBrowser, openPage, useBrowser } from './support/browser.ts'
import { account } from './support/client.ts'
import { useAuthServer } from './support/examples.ts'
import { buildModule, openModulePage } from './support/module-page.ts'
import { freePort } from './support/process.ts'
import { pause } from './support/time.ts'

const CLIENT = join(ROOT, 'packages/client/src/index.ts')

const PORT = await freePort()
const browser = useBrowser()
const auth = useAuthServer({ ALLOWED_ORIGINS: `http://localhost:${PORT}` })

inBrowser('a watcher hears of the user once it is known, and nothing after it was ended', async () => {
  const page = await openModulePage(browser, await buildModule(CLIENT), PORT)

  // As React does in StrictMode: the effect runs, is undone, and runs again.
  const heard = await page.evaluate(`(async () => {
    const { createSession } = await import('/module.js')
    const session = createSession('${auth.url}')
    const heard = []
    const watch = (name) => session.watch((id) => heard.push(name + (id ? ' user' : ' null')))
    watch('first')()
    watch('second')
    await session.signUp(${JSON.stringify(account())})
    watch('late')()
    await session.signOut()
    return heard
  })()`)

  expect(heard).toEqual(['second user', 'late user', 'second null'])
})

inBrowser('a page without a secure context learns at once why it can have no session', async () => {
  const origin = 'http://app.example.com'
  const { page } = await openPage(browser, origin)
  const body = `<!doctype html><script type="module">${await buildModule(CLIENT)};
    globalThis.createSession = createSession</script>`
  await page.route(`${origin}/**`, (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto(origin)

  await expect(page.evaluate(`createSession('${auth.url}')`)).rejects.toThrow('https:// or localhost')
})

test('a program that creates a session on a server ends', async () => {
  const script = `import { createSession } from '${CLIENT}'; createSession('${auth.url}').watch(() => {})`
  const program = Bun.spawn([process.execPath, '--eval', script])
  onTestFinished(() => program.kill())

  expect(await program.exited).toBe(0)
})

inBrowser('a sign-up that a busy server answers after five seconds succeeds', async () => {
  const page = await openModulePage(browser, await buildModule(CLIENT), PORT)
  const person = account()
  await page.route('**/auth/register', async (route) => {
    const response = await route.fetch()
    await pause(5000)
    await route.fulfill({ response })
  })

  const email = await page.evaluate(`(async () => {
    const { createSession } = await import('/module.js')
    const { user } = await createSession('${auth.url}').signUp(${JSON.stringify(person)})
    return user.email
  })()`)

  expect(email).toBe(person.email)
})

/** A page with the client, and a user who has signed up. `run` evaluates an expression with `client` and `session`. */
async function openClient() {
  const page = await openModulePage(browser, await buildModule(CLIENT), PORT)
  const person = account()
  const run = <T>(work: string) =>
    page.evaluate<T>(`import('/module.js').then(async (client) => {
      const session = (globalThis.session ??= client.createSession('${auth.url}'))
      const codeOf = (fault) => fault.code ?? fault.name
      return (${work})
    })`)
  await run(`session.signUp(${JSON.stringify(person)}).then(() => true)`)
  return { page, person, run }
}

const nameOf = async ({ email }: { email: string }) => {
  const [row] = await auth.sql`select username from users where email = ${email}`
  return row?.username
}

inBrowser('a change that waits while another user signs in is not made for that user', async () => {
  const { run } = await openClient()
  const other = await auth.registerUser()

  const code = await run(`(async () => {
    const signIn = session.signIn(${JSON.stringify(other.input)})
    const change = session.request(client.UpdateMeDocument, { input: { username: 'Ada' } })
    return (await Promise.all([change.catch(codeOf), signIn]))[0]
  })()`)

  expect([code, await nameOf(other)]).toEqual(['UNAUTHENTICATED', null])
})

inBrowser('a sign-in whose answer breaks off after its cookie tells who is signed in', async () => {
  const { run } = await openClient()
  const other = await auth.registerUser()

  const heard = await run<string[]>(`(async () => {
    const send = globalThis.fetch
    globalThis.fetch = async (...request) => {
      const response = await send(...request)
      if (!response.url.endsWith('/auth/login')) return response
      response.text = () => Promise.reject(new TypeError('The network lost the rest'))
      return response
    }
    const heard = []
    session.watch((id) => heard.push(id))
    const signIn = session.signIn(${JSON.stringify(other.input)}).catch(codeOf)
    const change = session.request(client.UpdateMeDocument, { input: { username: 'Ada' } }).catch(codeOf)
    return [...await Promise.all([signIn, change]), ...heard]
  })()`)

  expect(heard).toEqual(['TypeError', 'UNAUTHENTICATED', expect.any(String), other.user.id])
  expect(await nameOf(other)).toBe(null)
})

inBrowser('a change that needs a proof is not made for a user who signs in meanwhile', async () => {
  const { run } = await openClient()
  const other = await auth.registerUser()
  await auth.forgetProofs()

  const code = await run(`(async () => {
    const session = client.createSession('${auth.url}', {
      onStepUp: () => session.signIn(${JSON.stringify(other.input)}).then(() => true),
    })
    await session.renew()
    return session.request(client.UpdateMeDocument, { input: { email: 'taken-${other.email}' } }).catch(codeOf)
  })()`)

  expect(code).toBe('UNAUTHENTICATED')
  expect((await auth.sql`select from users where email = ${`taken-${other.email}`}`).length).toBe(0)
})

inBrowser('a proof of a former user is not sent, and signs the next user not out', async () => {
  const { run } = await openClient()
  const other = await auth.registerUser()

  const [code, userId] = await run<string[]>(`(async () => {
    let userId
    session.watch((id) => (userId = id))
    const signIn = session.signIn(${JSON.stringify(other.input)})
    const code = await session.stepUp({ password: 'wrong' }).catch(codeOf)
    await signIn
    return [code, userId]
  })()`)

  expect([code, userId]).toEqual(['UNAUTHENTICATED', other.user.id])
})

inBrowser('an answer for a former user is not delivered', async () => {
  const { page, run } = await openClient()
  await page.route('**/graphql', async (route) => {
    await pause(500)
    await route.continue().catch(() => {})
  })

  const code = await run(`(async () => {
    const me = session.request(client.MeDocument).catch(codeOf)
    await session.signOut()
    return me
  })()`)

  expect(code).toBe('UNAUTHENTICATED')
})

inBrowser(
  'a service that refuses a token gets the request again, whole, and only from the same user',
  async () => {
    const { page, run } = await openClient()
    const other = await auth.registerUser()
    const sent: unknown[] = []
    await page.route('**/orders', async (route) => {
      const request = route.request()
      sent.push([request.headers()['content-type'], request.postData()])
      await pause(200)
      await route.fulfill({ status: sent.length === 2 ? 201 : 401 }).catch(() => {})
    })
    const order = `session.fetch(new Request('/orders', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"of":"Ada"}',
  })).then(({ status }) => status, codeOf)`

    expect(await run(order)).toBe(201)
    expect(sent).toEqual([1, 2].map(() => ['application/json', '{"of":"Ada"}']))

    const [refused] = await run<unknown[]>(
      `Promise.all([${order}, session.signIn(${JSON.stringify(other.input)}).then(() => true)])`,
    )
    await pause(300)
    expect([refused, sent.length]).toEqual(['UNAUTHENTICATED', 3])
  },
)

inBrowser('each watcher hears of all changes in order, while others fail or take their time', async () => {
  const { run } = await openClient()

  const heard = await run<string[]>(`(async () => {
    const heard = []
    session.watch((id) => { if (!id) throw new Error('A watcher of the page fails') })
    session.watch((id) => new Promise((done) => setTimeout(done, id ? 300 : 0)))
    session.watch((id) => heard.push(id ? 'user' : 'null'))
    await session.signOut()
    await session.signUp(${JSON.stringify(account())})
    await session.signOut()
    while (heard.length < 4) await new Promise((done) => setTimeout(done, 10))
    await new Promise((done) => setTimeout(done, 400))
    return heard
  })()`)

  expect(heard).toEqual(['user', 'null', 'user', 'null'])
})

inBrowser('a sign-out whose answer is lost signs out', async () => {
  const { page, run } = await openClient()
  let answers = 0
  await page.route('**/auth/logout', async (route) => {
    const response = await route.fetch()
    await (++answers === 1 ? route.abort() : route.fulfill({ response }))
  })

  const signedOut = await run("session.signOut().then(() => 'signed out', codeOf)")

  expect([signedOut, answers]).toEqual(['signed out', 2])
})

inBrowser('a page that something else answers with is no refusal, and signs no user out', async () => {
  const { page, run } = await openClient()
  const answers = [
    { status: 403, contentType: 'text/html', body: '<p>Blocked</p>' },
    { status: 429, body: '' },
    { status: 401, contentType: 'application/json', body: '{"message":"proxy"}' },
    { status: 200, contentType: 'text/html', body: '<p>Welcome to our network</p>' },
    { status: 200, body: '' },
  ]
  await page.route('**/auth/login', (route) => {
    const headers = {
      'access-control-allow-origin': `http://localhost:${PORT}`,
      'access-control-allow-credentials': 'true',
    }
    return route.fulfill({ headers, ...answers.shift() })
  })

  const outcomes = await run(`(async () => {
    const outcomes = []
    session.watch((id) => outcomes.push(id ? 'user' : 'null'))
    for (const _ of [1, 2, 3, 4, 5]) outcomes.push(await session.signIn({ email: 'a', password: 'b' }).catch(codeOf))
    return outcomes
  })()`)

  expect(outcomes).toEqual(['user', ...Array.from({ length: 5 }, () => 'ServerFailure')])
})

inBrowser('an operation that is refused before it is executed has its code', async () => {
  const { run } = await openClient()

  const refused = await run(`session.request(client.UpdateMeDocument, { input: { username: 1 } })
    .catch(({ code, fields, message }) => [code, fields[0].path, message])`)

  expect(refused).toEqual(['INVALID_INPUT', 'username', expect.any(String)])
})

inBrowser('a page to which the browser goes back knows the present user', async () => {
  const { run } = await openClient()
  const other = await auth.registerUser()

  const heard = await run<string[]>(`(async () => {
    const heard = []
    session.watch((id) => heard.push(id))
    // A page that is kept for later hears no messages.
    const login = { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' } }
    await fetch('${auth.url}/auth/login', { ...login, body: '${JSON.stringify(other.input)}' })
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    while (heard.length < 2) await new Promise((done) => setTimeout(done, 10))
    await new Promise((done) => setTimeout(done, 500))
    return heard
  })()`)

  expect(heard).toEqual([expect.any(String), other.user.id])
})

inBrowser('the sessions of two servers on one page are separate', async () => {
  const { page, run } = await openClient()
  await page.route('http://localhost:1/**', (route) => route.abort())

  const heard = await run<string[]>(`(async () => {
    const heard = []
    client.createSession('http://localhost:1').watch((id) => heard.push(id))
    await session.signOut()
    return heard
  })()`)

  expect(heard).toEqual([])
})
