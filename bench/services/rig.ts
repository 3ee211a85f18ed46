import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { createServiceKey } from '../../src/auth/services/service-key-secret.ts'
import { VERIFIER_SCOPES } from '../../src/contract/service-key.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Bench } from '../rig/bench.ts'
import { pause, startServer } from '../rig/server-process.ts'
import { fillServauth } from '../subjects/accounts.ts'
import { createServerCommand, insertSessions } from '../subjects/servauth.ts'

export const ISSUER = 'http://localhost:4000'

/** A session with its access token, and another session of the same user that can end it. */
export type Person = { userId: string; sessionId: string; token: string; otherToken: string }

/** A database with users, and a service key. `databaseUrl`: where the servers reach the database. */
export async function openRig(bench: Bench, directUrl: string, databaseUrl = directUrl) {
  await migrate({ DATABASE_URL: directUrl })
  const sql = postgres(directUrl, { max: 4, onnotice: () => {} })
  await fillServauth(sql, 2000, 1)
  const secret = randomBytes(32).toString('base64url')
  const { key, hash } = createServiceKey()
  await sql`insert into service_keys (name, hash, scopes)
    values ('bench', ${hash}, string_to_array(${VERIFIER_SCOPES.join(' ')}, ' '))`
  const rows = await sql`select id from users order by email`
  const free = rows.map(({ id }) => String(id))

  async function call(url: string, method: string, path: string, body?: unknown, token?: string) {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`)
    return text ? JSON.parse(text) : undefined
  }

  return {
    sql,
    key,
    secret,
    call,
    startServauth: (env: Record<string, string> = {}) => {
      const command = createServerCommand(databaseUrl, secret, ISSUER)
      return startServer(bench, { ...command, env: { ...command.env, ...env } })
    },
    startService: (servauthUrl: string) =>
      startServer(bench, {
        command: [process.execPath, 'servers/verifying.ts'],
        env: { ISSUER, SERVAUTH_URL: servauthUrl, SERVICE_KEY: key },
        ready: '/requests',
      }),
    /** Signs users in that were not used before. */
    async signIn(url: string, count: number): Promise<Person[]> {
      const userIds = free.splice(0, count)
      const sessions = await insertSessions(sql, secret, [...userIds, ...userIds])
      const tokens: string[] = []
      for (const { refreshToken } of sessions) {
        tokens.push((await call(url, 'POST', '/auth/refresh', { refreshToken })).accessToken)
      }
      return userIds.map((userId, index) => ({
        userId,
        sessionId: sessions[index]?.id ?? '',
        token: tokens[index] ?? '',
        otherToken: tokens[count + index] ?? '',
      }))
    },
    close: () => sql.end({ timeout: 1 }),
  }
}

const INTERVAL_MS = 5

type Answer = { person: Person; sentAt: number; answeredAt: number; status: number }

/** Asks a service 200 times a second, about each of these people in turn, without waiting for its answers. */
export function startClient(url: string, people: Person[]) {
  const answers: Answer[] = []
  const pending: Promise<unknown>[] = []
  const state = { isOver: false }

  async function ask(person: Person) {
    const sentAt = performance.now()
    const response = await fetch(url, { headers: { authorization: `Bearer ${person.token}` } }).catch(
      () => null,
    )
    await response?.arrayBuffer()
    answers.push({ person, sentAt, answeredAt: performance.now(), status: response?.status ?? 0 })
  }

  async function run() {
    const beganAt = performance.now()
    for (let sent = 0; !state.isOver; sent++) {
      const wait = beganAt + sent * INTERVAL_MS - performance.now()
      if (wait > 0) await pause(wait)
      pending.push(ask(people[sent % people.length] as Person))
    }
    await Promise.all(pending)
  }

  const running = run()
  return {
    answers,
    /** Waits until the latest answer about each person has this status. */
    async until(status: number, about: Person[] = people) {
      const deadline = performance.now() + 30_000
      const latest = (person: Person) => answers.findLast((answer) => answer.person === person)?.status
      while (about.some((person) => latest(person) !== status)) {
        if (performance.now() > deadline) throw new Error(`The service does not answer ${status}`)
        await pause(5)
      }
    },
    async stop() {
      state.isOver = true
      await running
      return answers
    },
  }
}
