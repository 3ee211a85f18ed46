import { expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { startServer } from './support/server.ts'

const OVERLOAD_MS = 10_000
/** The other side of a connection is not needed: each asks again as soon as it is answered. */
const CONNECTIONS = 2000

const database = useDatabase()

// On a machine that is busy with other programs, the thread may not get a processor in time.
test('ten seconds of overload cause no query and no bypass while the listener is alive', {
  retry: 2,
}, async () => {
  // Connected directly, since a proxy would share the overloaded event loop. The numbers are read without a port.
  const server = await startServer({ DATABASE_URL: database.url, METRICS_PORT: '9' })
  const people = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = server.client('REST', 'TOKEN')
      await client.register()
      return client
    }),
  )
  const ask = (index: number) => {
    const authorization = `Bearer ${people[index % people.length]?.kept.accessToken}`
    return server.app.request('/auth/me', { headers: { authorization } }, { address: () => '192.0.2.1' })
  }
  await server.catchUp()
  for (const index of people.keys()) await ask(index)
  const before = await numbersOf(server)

  const statuses = new Set<number>()
  let answers = 0
  const end = performance.now() + OVERLOAD_MS
  const connection = async (_: unknown, index: number) => {
    while (performance.now() < end) {
      const { status } = await ask(index)
      statuses.add(status)
      answers++
      // As if the next one arrived over a socket. All the others are answered before the event loop goes on.
      await new Promise((next) => setImmediate(next))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  const after = await numbersOf(server)

  expect([...statuses]).toEqual([200])
  expect(answers).toBeGreaterThan(CONNECTIONS)
  expect(after.bypass - before.bypass).toBe(0)
  expect(after.miss - before.miss).toBe(0)
  expect(after.hit - before.hit).toBe(answers)
})

async function numbersOf({ metrics }: Awaited<ReturnType<typeof startServer>>) {
  const text = (await metrics?.text()) ?? ''
  const of = (outcome: string) =>
    Number(
      new RegExp(`^servauth_session_cache_lookups_total{outcome="${outcome}"} (\\d+)`, 'm').exec(text)?.[1],
    )
  return { hit: of('hit'), miss: of('miss'), bypass: of('bypass') }
}
