import { readFile } from 'node:fs/promises'
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type { TransactionSql } from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { addRole } from './support/administrator.ts'
import type { Client } from './support/client.ts'
import { publishedKeys } from './support/published-keys.ts'
import { useServer } from './support/server.ts'

const server = useServer({ CLAIMS: 'hasura,postgrest' })
const guide = await readFile(new URL('../docs/administration.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/^```sql\n(-- (\w+)\.sql\n[\s\S]*?)^```$/gm)]

type Work<T> = (tx: TransactionSql) => Promise<T>
type Claims = JWTPayload & Record<string, unknown>
let ada: Claims, eve: Claims, editor: Claims

/** The claims of the client's token, checked as both programs do, by the published keys. */
async function claimsOf({ kept }: Client): Promise<Claims> {
  const keys = createLocalJWKSet(await publishedKeys(server))
  const expected = { issuer: server.env.PUBLIC_URL, audience: server.env.PUBLIC_URL, algorithms: ['ES256'] }
  return (await jwtVerify(kept.accessToken ?? '', keys, expected)).payload
}

async function signIn(roles: string[] = []) {
  const { client, email } = await server.registerUser()
  await server.sql`update users set roles = ${roles} where email = ${email}`
  await server.catchUp()
  await client.refresh()
  return claimsOf(client)
}

beforeAll(async () => {
  await addRole(server, 'editor', [])
  ada = await signIn()
  eve = await signIn()
  editor = await signIn(['editor'])
})

/** Runs the SQL of the guide, and undoes it at the end: the roles of PostgreSQL belong to all databases. */
async function withPosts(work: Work<void>) {
  const undo = new Error('undo')
  await server.sql
    .begin(async (tx) => {
      for (const [, text = ''] of blocks) await tx.unsafe(text)
      await tx`insert into posts (author, body, published) values
        (${ada.sub ?? ''}, 'of Ada', true), (${ada.sub ?? ''}, 'draft of Ada', false), (${eve.sub ?? ''}, 'draft of Eve', false)`
      await work(tx)
      throw undo
    })
    .catch((fault) => {
      if (fault !== undo) throw fault
    })
}

/** Runs `work` as a program does that has signed in to PostgreSQL as `login`, and undoes it. @returns the code of its fault */
async function as<T>(tx: TransactionSql, login: string, settings: Record<string, unknown>, work: Work<T>) {
  let result: T | undefined
  const undo = new Error('undo')
  const fault = await tx
    .savepoint(async (inner) => {
      await inner.unsafe(`set local session authorization ${login}`)
      for (const [name, value] of Object.entries(settings)) {
        await inner`select set_config(${name}, ${String(value)}, true)`
      }
      result = await work(inner)
      throw undo
    })
    .catch((error: { code?: string }) => error)
  return fault === undo ? result : (fault as { code?: string }).code
}

const read: Work<string[]> = async (tx) =>
  (await tx`select body from posts order by id`).map(({ body }) => body)
const write: Work<string[]> = async (tx) =>
  (await tx`update posts set body = body returning body`).map(({ body }) => body)
const insertAs = (author: unknown) => (tx: TransactionSql) =>
  tx`insert into posts (author, body) values (${String(author)}, 'new')`.then(({ count }) => count)

const ALL = ['of Ada', 'draft of Ada', 'draft of Eve']

test('the guide has the SQL of both programs', () => {
  expect(blocks.map(([, , name]) => name)).toEqual(['posts', 'postgrest', 'hasura'])
})

test('with the claims that PostgREST sets, each role sees and changes only its rows', async () => {
  await withPosts(async (tx) => {
    const by = <T>(claims: Claims, work: Work<T>) => {
      const settings = { role: claims.role, 'request.jwt.claims': JSON.stringify(claims) }
      return as(tx, 'authenticator', settings, work)
    }

    expect([ada.role, editor.role]).toEqual(['user', 'editor'])
    expect(await by(ada, read)).toEqual(['of Ada', 'draft of Ada'])
    expect(await by(eve, read)).toEqual(['of Ada', 'draft of Eve'])
    expect(await by(editor, read)).toEqual(ALL)
    expect(await by(eve, write)).toEqual(['draft of Eve'])
    expect((await by(editor, write))?.length).toBe(3)
    expect(await by(eve, insertAs(ada.sub))).toBe('42501')
    expect(await by(eve, insertAs(eve.sub))).toBe(1)
    const authors = await by(eve, (inner) => inner`insert into posts (body) values ('new') returning author`)
    expect(authors).toEqual([{ author: eve.sub }])
    // Without a token: `db-anon-role` has no right to the table, and `authenticator` has none itself.
    expect(await as(tx, 'authenticator', {}, read)).toBe('42501')
    expect(await by({ ...eve, role: 'pg_read_all_data' }, read)).toBe('42501')
    expect(await by({ ...eve, role: 'admin' }, read)).toBe('22023')
  })
})

test('with the variables that Hasura sets, a mutation changes only the rows of its user', async () => {
  await withPosts(async (tx) => {
    const by = <T>(claims: Claims, work: Work<T>) => {
      const variables = claims['https://hasura.io/jwt/claims'] as Record<string, unknown>
      const sent = { 'x-hasura-role': variables['x-hasura-default-role'], ...variables }
      return as(tx, 'hasura', { 'hasura.user': JSON.stringify(sent) }, work)
    }

    expect(await by(eve, write)).toEqual(['draft of Eve'])
    expect((await by(editor, write))?.length).toBe(3)
    expect(await by(eve, insertAs(ada.sub))).toBe('42501')
    expect(await by(eve, insertAs(eve.sub))).toBe(1)
    // A mutation without the variables changes nothing.
    expect(await as(tx, 'hasura', {}, write)).toEqual([])
  })
})
