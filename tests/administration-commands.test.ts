import { expect, test } from 'vitest'
import { addRole } from './support/administrator.ts'
import { account } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()

const readJson = async (words: string) => JSON.parse((await server.command(`${words} --json`)).output)

test('the commands of an operator create, invite, list and delete users, for scripts too', async () => {
  await addRole(server, 'support', ['users:read'])
  const [one, two] = [account(), account()]

  const created = await readJson(`user create ${one.email} --username Ada --role support`)
  const invited = await server.command(`user invite ${two.email}`)

  expect(created).toMatchObject({ email: one.email, username: 'Ada', roles: ['support'] })
  expect(invited).toMatchObject({ code: 0, output: expect.stringContaining('is invited') })
  expect((await server.command(`user create ${one.email}`)).output).toContain('exists already')
  expect((await server.command(`user invite ${account().email} --role nosuchrole`)).output).toContain(
    'no such role',
  )
  const token = await server.mailbox.token(one.email, /created for you/)
  const owner = server.client()
  expect((await owner.call('acceptInvitation', { token, password: one.password })).data).toBe(true)
  expect((await readJson('user list --role support')).map(({ id }: { id: string }) => id)).toEqual([
    created.id,
  ])
  expect((await server.command(`user list --search ${two.email}`)).output).toContain(two.email)
  expect(await readJson(`user delete ${two.email}`)).toMatchObject({ email: two.email })
  expect((await server.command(`user delete ${two.email}`)).code).toBe(1)
})

test('the commands of an operator list the outbox, and send a failed mail again', async () => {
  const { email, user } = await server.registerUser()
  await server.mailbox.token(email, /Verify/)
  await server.sql`update mail_outbox set status = 'FAILED', fault = '550 no such user' where user_id = ${user.id}`

  const [failed] = await readJson('mail list --failed')
  const retried = await server.command(`mail retry ${failed.id}`)

  expect(failed).toMatchObject({ recipient: email, fault: '550 no such user' })
  expect(retried).toMatchObject({ code: 0, output: expect.stringContaining('is sent again') })
  expect((await server.command(`mail retry ${crypto.randomUUID()}`)).code).toBe(1)
  expect((await server.command('mail retry nonsense')).code).toBe(2)
})

test('every command about a user prints as JSON what the operation answers', async () => {
  await addRole(server, 'editor', [])
  const { email, user } = await server.registerUser()
  const run = (command: string, more = '') => readJson(`user ${command} ${email}${more}`)

  const found = []
  for (const command of ['sign-out', 'recover-factor', 'remove-factors', 'disable', 'enable'])
    found.push(await run(command))
  found.push(await run('grant', ' editor'), await run('revoke', ' editor'), await run('show'))

  expect(found).toMatchObject([
    { revoked: 1 },
    { endsAt: null },
    { id: user.id, disabledAt: null },
    { id: user.id, disabledAt: expect.any(String) },
    { id: user.id, disabledAt: null },
    { id: user.id, roles: ['editor'] },
    { id: user.id, roles: [] },
    { id: user.id, sessions: [], factors: [], waits: [] },
  ])
  expect(found.at(-1).events.map(({ kind }: { kind: string }) => kind)).toContain('account_disabled')
  const unknown = await server.command('user disable unknown@example.com --json')
  expect(unknown).toMatchObject({ code: 1, output: expect.stringContaining('There is no account') })
  expect((await server.command(`user create ${account().email} --username ${'x'.repeat(101)}`)).code).toBe(2)
})

test('the commands of an operator list, change and remove roles', async () => {
  const { email } = await server.registerUser()

  const created = await readJson('role put reviewer --permissions users:read,posts:review')
  const replaced = await server.command('role put reviewer --permissions=')
  await server.command(`user grant ${email} reviewer`)

  expect(created).toMatchObject({ name: 'reviewer', permissions: ['posts:review', 'users:read'] })
  expect(replaced).toMatchObject({ code: 0, output: expect.stringContaining('reviewer: no permissions') })
  expect((await server.command('role list')).output).toMatch(/^admin: \*$/m)
  expect(await readJson('role remove reviewer')).toEqual({ name: 'reviewer' })
  expect((await readJson(`user show ${email}`)).roles).toEqual([])
  const refused = {
    'role remove reviewer': [1, 'There is no such role.'],
    'role put reviewer': [2, 'not specified'],
    'role put admin --permissions=': [1, 'The built-in role cannot be changed.'],
    'role put reviewer --permissions a,,b': [2, 'Must have at most 64 letters'],
    'role put no/name --permissions=': [2, 'It must be the name of a role.'],
  }
  for (const [words, [code, sentence]] of Object.entries(refused)) {
    expect(await server.command(words)).toEqual({ code, output: expect.stringContaining(`${sentence}`) })
  }
})

test('the commands about service keys print JSON', async () => {
  const created = await readJson('service-key create orders --scopes users:read')
  const { id } = created.serviceKey

  expect(created).toMatchObject({ key: expect.stringMatching(/^servauth_/), serviceKey: { name: 'orders' } })
  expect(await readJson('service-key list')).toMatchObject([{ id, scopes: ['users:read'], valid: true }])
  expect(await readJson(`service-key revoke ${id}`)).toEqual({ id })
  expect(await readJson('service-key create orders --setting')).toMatchObject({
    entry: expect.stringMatching(/^orders=/),
  })
})

test.each(['2020-01-01', '2099-02-30', '2099-12-31junk', '31.12.2099', '2099-12-31T10:00:00'])(
  'a service key with the expiry %s is wrong use',
  async (date) => {
    expect(await server.command(`service-key create orders --expires ${date}`)).toMatchObject({
      code: 2,
      output: expect.stringContaining('It must be a date in the future'),
    })
  },
)
