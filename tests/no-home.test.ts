import { expect, test, vi } from 'vitest'
import { parseConnectionString } from '../src/libpq/connection-string.ts'

vi.mock('node:os', async (load) => ({
  ...(await load<typeof import('node:os')>()),
  homedir() {
    throw Object.assign(new Error('uv_os_homedir'), { code: 'ENOENT' })
  },
}))

test('a user without a home, as in a container with a uid of its own, needs no default files', () => {
  expect(parseConnectionString('postgres://u@db.example.com/servauth?sslmode=require')).toMatchObject({
    user: 'u',
    password: '',
    tls: { isRequired: true },
  })
})
