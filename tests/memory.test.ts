import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { memoryOf } from './support/process.ts'
import { useProgram } from './support/program.ts'

/** What a process may take whatever its clients send. */
const MAX_MIB = 220
const CONNECTIONS = 16

const database = useDatabase()
const server = useProgram(() => ({ DATABASE_URL: database.url, LOG_LEVEL: 'fatal' }))
const tokens: string[] = []

beforeAll(async () => {
  const { client, input } = await server.registerUser('REST', 'TOKEN')
  for (let index = 0; index < 40; index++) {
    const { data } = await client.twin().login(input)
    tokens.push(data?.accessToken ?? '')
  }
})

/** Sends so many requests. @returns their statuses, and the most memory that the process took meanwhile */
async function attack(count: number, request: (index: number) => Promise<Response>) {
  const statuses = new Set<number>()
  let next = 0
  let most = 0
  const connection = async () => {
    while (next < count) {
      const response = await request(next++)
      await response.arrayBuffer()
      statuses.add(response.status)
      if (next % 100 === 0) most = Math.max(most, await memoryOf(server.pid))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  return { statuses: [...statuses], most }
}

const ask = (query: string, token?: string, id?: number) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, extensions: { id } }),
  })

/** Each asks for `me` in other words, and has an answer of some 3 KB. */
const FIELDS = 'id email username emailVerified pendingEmail createdAt updatedAt'
const ALIASES = Array.from({ length: 15 }, (_, index) => `${'a'.repeat(150)}${index}: id`).join(' ')
const documentOf = (index: number) => `query Q${index} { me { ${FIELDS} ${ALIASES} } }`

test.skipIf(process.platform !== 'linux')(
  'one account with many tokens, documents and bodies, documents without an account, and bad tokens do not fill the memory',
  async () => {
    const documents = await attack(40_000, (index) =>
      ask(documentOf(Math.floor(index / tokens.length)), tokens[index % tokens.length]),
    )
    const bodies = await attack(20_000, (index) => ask('{ me { id } }', tokens[index % tokens.length], index))
    const anonymous = await attack(3000, (index) => ask(documentOf(index)))
    const badTokens = await attack(10_000, (index) => {
      const token = tokens[index % tokens.length] ?? ''
      const signature = randomBytes(64).toString('base64url')
      return fetch(`${server.url}/auth/me`, {
        headers: { authorization: `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}${signature}` },
      })
    })

    const attacks = [documents, bodies, anonymous, badTokens]
    expect(attacks.map(({ statuses }) => statuses)).toEqual([[200], [200], [200], [401]])
    expect(Math.max(...attacks.map(({ most }) => most))).toBeLessThan(MAX_MIB)
  },
)
