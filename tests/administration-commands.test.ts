import { expect, test } from 'vitest'
import { addRole } from './support/administrator.ts'
import { account } from './support/client.ts'
import { runCommand } from './support/process.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()

const servauth = (words: string) => runCommand(words, { env: server.env })
const readJson = async (words: string) => JSON.parse((await servauth(`${words} --json`)).output)

test('the commands of an operator create, invite, list and delete users, for scripts too', async () => {
  await addRole(server, 'support', ['users:read'])
  const [one, two] = [account(), account()]

  const created = await readJson(`user create ${one.email} --username Ada --role support`)
  const invited = await servauth(`user invite ${two.email}`)

  expect(created).toMatchObject({ email: one.email, username: 'Ada', roles: ['support'] })
  expect(invited).toMatchObject({ code: 0, output: expect.stringContaining('is invited') })
  expect((await servauth(`user create ${one.email}`)).output).toContain('exists already')
  expect((await servauth(`user invite ${account().email} --role nosuchrole`)).output).toContain(
    'no such role',
  )
  const token = await server.mailbox.token(one.email, /created for you/)
  const owner = server.client()
  expect((await owner.call('acceptInvitation', { token, password: one.password })).data).toBe(true)
  expect((await readJson('user list --role support')).map(({ id }: { id: string }) => id)).toEqual([
    created.id,
  ])
  expect((await servauth(`user list --search ${two.email}`)).output).toContain(two.email)
  expect(await readJson(`user delete ${two.email}`)).toMatchObject({ email: two.email })
  expect((await servauth(`user delete ${two.email}`)).code).toBe(1)
})

test('the commands of an operator list the outbox, and send a failed mail again', async () => {
  const { email, user } = await server.registerUser()
  await server.mailbox.token(email, /Verify/)
  await server.sql`update mail_outbox set status = 'FAILED', fault = '550 no such user' where user_id = ${user.id}`

  const [failed] = await readJson('mail list --failed')
  const retried = await servauth(`mail retry ${failed.id}`)

  expect(failed).toMatchObject({ recipient: email, fault: '550 no such user' })
  expect(retried).toMatchObject({ code: 0, output: expect.stringContaining('is sent again') })
  expect((await servauth(`mail retry ${crypto.randomUUID()}`)).code).toBe(1)
  expect((await servauth('mail retry nonsense')).code).toBe(2)
})
