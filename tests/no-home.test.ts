import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCommand } from './support/process.ts'

test('a user without a home, as in a container with a uid of its own, needs no default files', async () => {
  const entry = fileURLToPath(new URL('support/without-home.ts', import.meta.url))
  const DATABASE_URL = 'postgres://u@db.example.com/servauth?sslmode=require'

  const { output } = await runCommand('', { entry, env: { DATABASE_URL } })

  expect(JSON.parse(output)).toMatchObject({ user: 'u', password: '', tls: { isRequired: true } })
})
