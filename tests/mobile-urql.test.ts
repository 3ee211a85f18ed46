import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { useAuthServer } from './support/examples.ts'
import { createProject } from './support/project.ts'
import { snippetsOf } from './support/snippets.ts'

type Tokens = { accessToken: string; refreshToken: string } | null
type Result = { data?: { me: { email: string } | null } }
type Created = {
  client: { query: (query: string, variables: object) => PromiseLike<Result> }
  signIn: (email: string, password: string) => Promise<{ message: string } | undefined>
  keepTokensOf: (mutation: string, input: object) => Promise<{ message: string } | undefined>
  signOut: () => Promise<unknown>
}

const auth = useAuthServer()

async function pasteClient() {
  const { snippets, packages } = await snippetsOf('rest')
  const project = await createProject([...packages, 'graphql', 'wonka'])
  for (const { path, code } of snippets) await project.write(path, code)
  return project
}

test('the urql client of docs/rest.md compiles as pasted', async () => {
  const { write, run } = await pasteClient()
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  }
  await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['src'] }))

  expect(run('tsc')).toEqual({ status: 0, output: expect.anything() })
})

test('the urql client of docs/rest.md refreshes once for all requests, and ends with its session', async () => {
  const { folder } = await pasteClient()
  const { createClient } = await import(join(folder, 'src/client.ts'))
  const { email, input } = await auth.registerUser()
  let kept: Tokens = null
  let ends = 0
  const store = {
    read: async () => kept,
    write: async (tokens: Tokens) => {
      kept = tokens
    },
  }
  const open = (url = auth.url): Promise<Created> => createClient(url, store, () => ends++)
  const emailBy = async ({ client }: Created) => (await client.query('{ me { email } }', {})).data?.me?.email
  const damage = () => {
    kept = { refreshToken: kept?.refreshToken ?? '', accessToken: 'expired' }
  }
  const app = await open()

  expect((await app.signIn(email, 'a wrong phrase'))?.message).toContain('is wrong')
  expect(await app.signIn(email, input.password)).toBeUndefined()
  expect(await emailBy(app)).toBe(email)

  const { refreshToken: replaced } = kept as unknown as NonNullable<Tokens>
  const stepUp = 'mutation ($input: StepUpInput!) { stepUp(input: $input) { accessToken refreshToken } }'
  expect(await app.keepTokensOf(stepUp, { password: input.password })).toBeUndefined()
  expect(kept).not.toMatchObject({ refreshToken: replaced })

  damage()
  const refreshed = await open()
  const sent = vi.spyOn(globalThis, 'fetch')
  expect(await Promise.all([1, 2, 3].map(() => emailBy(refreshed)))).toEqual([email, email, email])
  const bodies = sent.mock.calls.map(([, init]) => String(init?.body))
  sent.mockRestore()
  expect(bodies.filter((body) => body.includes('refresh('))).toHaveLength(1)

  damage()
  const { refreshToken } = kept as unknown as NonNullable<Tokens>
  await auth.stop()
  expect(await emailBy(await open())).toBeUndefined()
  expect(kept).toMatchObject({ refreshToken })
  await auth.start()
  expect(await emailBy(await open())).toBe(email)

  damage()
  await auth.sql`delete from sessions where token is not null`
  const ended = await open()
  expect(await emailBy(ended)).toBeUndefined()
  expect([kept, ends]).toEqual([null, 1])
  await ended.signIn(email, input.password)
  expect(await emailBy(ended)).toBe(email)
  await ended.signOut()
  expect([kept, ends]).toEqual([null, 1])
})
