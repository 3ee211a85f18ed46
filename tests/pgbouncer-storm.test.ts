import postgres from 'postgres'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ECHO_MS } from '../src/db/changes/change-listener.ts'
import { account } from './support/client.ts'
import { openDatabase } from './support/database.ts'
import { hasPgbouncer, startPgbouncer } from './support/pgbouncer.ts'
import { startProgram } from './support/program.ts'
import { ORIGIN } from './support/server.ts'
import { pause, secondsSince } from './support/time.ts'

type Bouncer = Awaited<ReturnType<typeof startPgbouncer>>

/** Enough for two replicas and for the fresh connections of their listening threads. */
const POOL_SIZE = 60
const STORM_MS = 4000

/** What happens to PgBouncer while clients go on. */
const STORMS: Record<string, (bouncer: Bouncer) => Promise<unknown>> = {
  async 'is killed and started again later'(bouncer) {
    await bouncer.kill()
    await pause(STORM_MS)
    await bouncer.start()
  },
  async 'is restarted again and again'(bouncer) {
    for (let round = 0; round < 6; round++) {
      await bouncer.kill()
      await bouncer.start()
      await pause(STORM_MS / 6)
    }
  },
  async 'is paused and resumed'(bouncer) {
    // It waits until no client is connected, and meanwhile lets no new one through to the database.
    const pausing = bouncer.command('PAUSE').catch(() => {})
    await pause(STORM_MS)
    await bouncer.command('RESUME')
    void pausing
  },
  async 'drops all connections and lets none through for a while'(bouncer) {
    await bouncer.command(`KILL ${bouncer.database}`)
    await pause(STORM_MS)
    await bouncer.command(`RESUME ${bouncer.database}`)
  },
  async hangs(bouncer) {
    bouncer.signal('SIGSTOP')
    await pause(STORM_MS)
    bouncer.signal('SIGCONT')
  },
  async 'has no connection left for others'(bouncer) {
    const sql = postgres(bouncer.url, { max: POOL_SIZE, fetch_types: false, onnotice: () => {} })
    const taken = Array.from({ length: POOL_SIZE }, () => sql`select pg_sleep(0.1)`.catch(() => {}))
    await pause(STORM_MS + ECHO_MS)
    await sql.end({ timeout: 0 })
    await Promise.all(taken)
  },
}

describe.runIf(hasPgbouncer)('two replicas behind a PgBouncer', () => {
  test.each(Object.entries(STORMS))(
    'that %s sign no client out, and serve no ended session',
    async (_, storm) => {
      const { url: direct, sql } = await openDatabase()
      const bouncer = await startPgbouncer(direct, 'session', POOL_SIZE)
      const settings = { DATABASE_URL: bouncer.url, DATABASE_POOL_SIZE: '10', PUBLIC_URL: ORIGIN }
      const replicas = [await startProgram(settings), await startProgram(settings)]
      onTestFinished(async () => {
        await Promise.all(replicas.map((replica) => replica.stop()))
      })
      const [first] = replicas
      if (!first) return
      const stays = await first.registerUser()
      // An account keeps its newest sessions only, so another one signs in all the time.
      const signsIn = await first.registerUser()

      const read = async (url: string, token: string | null) => {
        const answer = await fetch(`${url}/auth/me`, { headers: { authorization: `Bearer ${token}` } })
        await answer.text()
        return answer.status
      }
      const load = { isOver: false }
      const seen = {
        me: {} as Record<number, number>,
        logins: {} as Record<string, number>,
        stale: [] as number[],
      }
      const count = <Key extends string | number>(counts: Record<Key, number>, key: Key) => {
        counts[key] = (counts[key] ?? 0) + 1
      }
      const loops = replicas.flatMap(({ url, client }) => [
        (async () => {
          while (!load.isOver) {
            count(seen.me, await read(url, stays.client.kept.accessToken))
            await pause(5)
          }
        })(),
        (async () => {
          while (!load.isOver) {
            const { code = 'OK' } = await client().login(signsIn.input)
            count(seen.logins, code)
            await pause(50)
          }
        })(),
      ])
      // Sessions that end in PostgreSQL itself, which the storm does not touch.
      const ends = (async () => {
        while (!load.isOver) {
          const input = account()
          const ended = first.client()
          const { code, data } = await ended.register(input)
          if (code || !data) {
            await pause(50)
            continue
          }
          const { accessToken } = ended.kept
          await Promise.all(replicas.map(({ url }) => read(url, accessToken)))
          await sql`delete from sessions where user_id = ${data.user.id}`
          await pause(250)
          for (let look = 0; look < 5; look++) {
            const began = performance.now()
            const statuses = await Promise.all(replicas.map(({ url }) => read(url, accessToken)))
            if (statuses.includes(200)) seen.stale.push(Math.round(performance.now() - began))
            await pause(20)
          }
        }
      })()

      const isNormal = async () => {
        const answers = await Promise.all(
          replicas.map(async ({ url, client }) => [
            (await fetch(`${url}/ready`)).status,
            (await client().login(signsIn.input)).code,
            await read(url, stays.client.kept.accessToken),
          ]),
        )
        return answers.flat()
      }
      const untilNormal = async () => {
        const began = performance.now()
        await expect.poll(isNormal, { interval: 50 }).toEqual([200, undefined, 200, 200, undefined, 200])
        return secondsSince(began)
      }
      await pause(1000)
      const usual = await untilNormal()
      await storm(bouncer)
      const seconds = await untilNormal()
      await pause(1500)
      load.isOver = true
      await Promise.all([...loops, ends])

      // The same requests, for which a busy machine needs longer at any time.
      expect(seconds).toBeLessThan(5 + 10 * usual)
      expect(seen.stale).toEqual([])
      expect(Object.keys(seen.me).filter((status) => status !== '200' && status !== '503')).toEqual([])
      expect(
        Object.keys(seen.logins).filter((code) => code !== 'OK' && code !== 'SERVICE_UNAVAILABLE'),
      ).toEqual([])
    },
  )
})
