import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openBreachedPasswords } from '../src/auth/passwords/breached/breached-passwords.ts'
import { ADAPTERS, account } from './support/client.ts'
import { runCommand } from './support/process.ts'
import { startServerWithMail, useServer } from './support/server.ts'

const folder = await mkdtemp(join(tmpdir(), 'servauth-breached-'))
const plain = useServer()

const BREACHED = ['stolen long ago', 'Grüße aus Köln', 'trustno1 and more']
const RARE = 'seen only three times'
const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase()

/** A dump in the form of Pwned Passwords, with unused passwords around those of the tests. */
async function writeDump(name: string, end = '\r\n') {
  const others = Array.from({ length: 3000 }, (_, n) => `${sha1(`other ${n}`)}:${n + 1}`)
  const lines = [...BREACHED.map((text) => `${sha1(text)}:3861493`), `${sha1(RARE)}:3`, ...others]
  const path = join(folder, name)
  await writeFile(path, lines.sort().join(end) + end)
  return path
}

const build = (dump: string, options = '') =>
  runCommand(`passwords build ${dump} --output ${join(folder, 'list.bin')} ${options}`, { env: {} })

async function startWithList() {
  const { code } = await build(await writeDump('dump.txt'), '--min-count 10')
  expect(code).toBe(0)
  return startServerWithMail({ BREACHED_PASSWORDS: join(folder, 'list.bin') })
}

test('the file takes four bytes for each password, and what was seen less often is left out', async () => {
  const { code, output } = await build(await writeDump('windows.txt'), '--min-count 10')
  const { size } = await stat(join(folder, 'list.bin'))

  expect(code).toBe(0)
  expect(output).toContain('2,994 passwords')
  expect(size).toBe(64 + 4 * (2 ** 16 + 1) + 4 * 2994)
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  expect((await build(await writeDump('unix.txt', '\n'))).output).toContain('3,004 passwords')
})

test('the file is not written over the dump, nor is its draft', async () => {
  for (const name of ['list.bin', 'list.bin.part']) {
    const dump = await writeDump(name)
    const before = await stat(dump)

    expect(await build(dump)).toMatchObject({
      code: 1,
      output: expect.stringContaining('is read by this command'),
    })
    expect(await stat(dump)).toMatchObject({ ino: before.ino, size: before.size, mtimeMs: before.mtimeMs })
    await rm(dump)
  }
})

test('a dump that cannot be right is refused with its line, and leaves the former file', async () => {
  await build(await writeDump('good.txt'))
  const before = await stat(join(folder, 'list.bin'))
  const bad = join(folder, 'bad.txt')
  for (const [text, words] of [
    [`${'B'.repeat(40)}:1\n${'A'.repeat(40)}:1\n`, 'Line 2 is not in order'],
    ['8846F7EAEE8FB117AD06BDD830B7586C:7\n', 'Line 1 is not a SHA-1'],
    ['password\n', 'Line 1 is not a SHA-1'],
    ['', 'The dump is empty'],
  ] as const) {
    await writeFile(bad, text)
    expect(await build(bad)).toMatchObject({ code: 1, output: expect.stringContaining(words) })
  }
  expect((await stat(join(folder, 'list.bin'))).mtimeMs).toBe(before.mtimeMs)
})

test('a file that is replaced stays in use, and one that is cut while it is in use does no harm', async () => {
  const [password = ''] = BREACHED
  const path = join(folder, 'list.bin')
  await build(await writeDump('used.txt'))
  const isBreached = openBreachedPasswords(path)
  const before = isBreached(password)
  await rename(path, `${path}.former`)
  const afterRename = isBreached(password)
  await truncate(`${path}.former`)

  expect([before, afterRename, isBreached(password)]).toEqual([true, true, false])
})

test('a file that is no such list is refused at the start, in one sentence', async () => {
  const cut = join(folder, 'cut.bin')
  await writeFile(cut, 'servauth breached passwords 1\n')
  for (const [path, words] of [
    [join(folder, 'missing.bin'), 'BREACHED_PASSWORDS: must be the path of a file'],
    [folder, 'BREACHED_PASSWORDS: must be the path of a file'],
    [cut, 'BREACHED_PASSWORDS: is not a whole file'],
  ] as const) {
    const { code, output } = await runCommand('user show ada@example.com', {
      env: { ...plain.env, BREACHED_PASSWORDS: path },
    })
    expect([code, output]).toEqual([1, expect.stringContaining(words)])
  }
})

describe('with BREACHED_PASSWORDS', () => {
  test('a new password of the file is refused everywhere, like one of the built-in list', async () => {
    const server = await startWithList()
    for (const adapter of ADAPTERS) {
      const { client, input } = await server.registerUser(adapter)
      await client.call('requestPasswordReset', { email: input.email })
      const token = await server.mailbox.token(input.email, /Reset/)
      const builtIn = await server.client(adapter).register({ ...account(), password: 'password123' })
      const [password = '', other = ''] = BREACHED
      const attempts = [
        ['password', await server.client(adapter).register({ ...account(), password })],
        ['newPassword', await client.changePassword({ currentPassword: input.password, newPassword: other })],
        ['newPassword', await client.call('resetPassword', { token, newPassword: password })],
      ] as const

      for (const [path, answer] of attempts) {
        expect(answer).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path }] })
        expect(answer.fields?.[0]?.message).toBe(builtIn.fields?.[0]?.message)
      }
      expect((await server.client(adapter).register({ ...account(), password: RARE })).code).toBeUndefined()
    }
  })

  test('a sign-in with a password of the file works, is marked, and is mailed once', async () => {
    const server = await startWithList()
    const input = { ...account(), password: BREACHED[1] ?? '' }
    expect((await plain.client().register(input)).code).toBeUndefined()
    const [row] = await plain.sql`select * from users where email = ${input.email}`
    await server.sql`insert into users ${server.sql(row ?? {})}`
    const marked = async () =>
      (await server.sql`select password_breached_at as at from users where email = ${input.email}`)[0]?.at

    for (const adapter of ADAPTERS) {
      expect((await server.client(adapter).login(input)).code).toBeUndefined()
    }
    const client = server.client()
    await client.login(input)

    expect(await marked()).not.toBeNull()
    await server.mailbox.mail(input.email, /list of stolen passwords/)
    expect((await client.events()).data?.filter(({ kind }) => kind === 'password_breached')).toHaveLength(1)
    const mails = await server.sql`select from mail_outbox where kind = 'password-breached'`
    expect(mails).toHaveLength(1)
    await client.changePassword({ currentPassword: input.password, newPassword: 'quite another phrase' })
    expect(await marked()).toBeNull()
  })
})
