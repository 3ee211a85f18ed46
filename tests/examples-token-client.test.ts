import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, request as send } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { account } from './support/client.ts'
import { commandOf, startAuthServer, untilExpired, useAuthServer } from './support/examples.ts'
import { createFolder } from './support/folder.ts'
import { portOf } from './support/net.ts'
import { startProcess } from './support/process.ts'

const auth = useAuthServer()

/** The command line of a new user, with a token file of its own. */
async function commandLine(url = auth.url) {
  const folder = await createFolder()
  const file = join(folder, 'tokens')
  const person = account()
  const { cwd, entry, args } = commandOf('token-client')
  const run = async (...words: string[]) => {
    const env = { AUTH_URL: url, TOKEN_FILE: file, PASSWORD: person.password }
    const { exited, output } = startProcess({ cwd, entry, args: [...args, ...words], env })
    const { code } = await exited
    return { code, output: output() }
  }
  return {
    run,
    file,
    folder,
    email: person.email,
    shown: async () => {
      const { code, output } = await run('show')
      expect(code, output).toBe(0)
      return JSON.parse(output)
    },
  }
}

test('without a terminal and a password, the client ends with a sentence', async () => {
  const { cwd, entry, args } = commandOf('token-client')
  const env = { AUTH_URL: auth.url, PASSWORD: '' }
  const { exited, output } = startProcess({ cwd, entry, args: [...args, 'login', 'ada@example.com'], env })

  expect((await exited).code).toBe(1)
  expect(output()).toContain('There is no password: enter it, or set PASSWORD.')
})

test('the client registers, shows, logs out and in, and keeps its tokens private', async () => {
  const { run, shown, file, folder, email } = await commandLine()

  expect(await run('register', email)).toEqual({ code: 0, output: '' })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await shown()).toMatchObject({
    me: { email },
    sessions: [{ current: true }],
    events: [{ kind: 'register' }],
  })
  expect(await run('logout')).toEqual({ code: 0, output: '' })
  expect(await readdir(folder)).toEqual([])
  expect(await run('show')).toMatchObject({ code: 1, output: expect.stringContaining('Sign in first') })
  expect((await run('login', email)).code).toBe(0)
  expect(await shown()).toMatchObject({ me: { email } })
})

test('the client explains errors and prints its usage', async () => {
  const { run } = await commandLine()

  expect(await run('login', 'nobody@example.com')).toMatchObject({
    code: 1,
    output: expect.stringContaining('code is wrong'),
  })
  expect((await run()).output).toContain('Usage:')
})

test('the client shows what is wrong with each field, and how long to wait', async () => {
  const throttled = await startAuthServer({ THROTTLE: 'on' })
  const { run, email } = await commandLine(throttled.url)
  const login = async () => (await run('login', email)).output

  expect((await run('register', 'not an address')).output).toContain('Must be an e-mail address.')
  for (let failures = 0; failures < 5; failures++) expect(await login()).toContain('is wrong')
  // On a slow machine the first wait may be over, and each failure doubles the next.
  await expect.poll(login).toMatch(/Try again in \d+ seconds\./)
})

test('three calls with an expired token share one refresh, even during a restart', async () => {
  const { run, shown, email } = await commandLine()
  await run('register', email)
  const before = (await auth.refreshes()).length
  await untilExpired()
  await auth.stop()

  const [answer] = await Promise.all([shown(), auth.start()])

  expect(answer).toMatchObject({ me: { email } })
  expect((await auth.refreshes()).slice(before)).toEqual(['OK'])
})

test('two processes with one token file and an expired token stay signed in', async () => {
  const { run, shown, email } = await commandLine()
  await run('register', email)
  await untilExpired()

  const both = await Promise.all([shown(), shown()])

  expect(both).toMatchObject([{ me: { email } }, { me: { email } }])
  await auth.untilGraceIsOver()
  await untilExpired()
  expect(await shown()).toMatchObject({ me: { email } })
})

test('the client repeats a refresh whose reply was lost', async () => {
  const relay = await startRelay()
  const { run, shown, email } = await commandLine(relay.url)
  await run('register', email)
  const before = (await auth.refreshes()).length
  await untilExpired()

  relay.loseNext('/auth/refresh')

  expect(await shown()).toMatchObject({ me: { email } })
  expect((await auth.refreshes()).slice(before)).toEqual(['OK', 'OK'])
})

test('a refresh that is repeated takes what another process has refreshed meanwhile', async () => {
  const relay = await startRelay()
  const { run, shown, file, email } = await commandLine(relay.url)
  await run('register', email)
  await untilExpired()
  relay.refuse('/auth/refresh')

  const showing = shown()
  await relay.untilRefused()
  for (let refresh = 0; refresh < 2; refresh++) {
    const { refreshToken } = JSON.parse(await readFile(file, 'utf8'))
    const { data } = await auth.client().call('refresh', { refreshToken })
    await writeFile(file, JSON.stringify(data))
    await auth.untilGraceIsOver()
  }
  relay.refuse('')

  expect(await showing).toMatchObject({ me: { email } })
})

test('reuse after a theft ends the session, and the client deletes its tokens', async () => {
  const { run, shown, file, email } = await commandLine()
  await run('register', email)
  const stolen = await readFile(file)
  // Two refreshes, so that the stolen token is older than the predecessor.
  for (let refresh = 0; refresh < 2; refresh++) {
    await untilExpired()
    await shown()
    await auth.untilGraceIsOver()
  }
  await writeFile(file, stolen)
  const before = (await auth.refreshes()).length

  const { code, output } = await run('show')

  expect(code).toBe(1)
  expect(output).toContain('used before')
  expect((await auth.refreshes()).slice(before)).toEqual(['REFRESH_REUSED'])
  expect(existsSync(file)).toBe(false)
})

/** A relay between client and server that can lose requests, and a reply of the server. */
async function startRelay() {
  let losing = ''
  let refusing = ''
  let refused = () => {}
  const isRefused = new Promise<void>((resolve) => {
    refused = resolve
  })
  const relay = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    if (path === refusing) {
      refused()
      return incoming.socket.destroy()
    }
    const forwarded = send(`${auth.url}${path}`, { method, headers }, (answer) => {
      if (path === losing) {
        losing = ''
        answer.resume().on('end', () => incoming.socket.destroy())
        return
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  onTestFinished(() => void relay.close())
  const port = await portOf(relay.listen(0, 'localhost'))
  return {
    url: `http://localhost:${port}`,
    loseNext(path: string) {
      losing = path
    },
    /** Forwards no requests to this path from now on. */
    refuse(path: string) {
      refusing = path
    },
    untilRefused: () => isRefused,
  }
}
