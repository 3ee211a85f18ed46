import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { createHandler, listen } from '../src/process/listener.ts'
import { createShortTurns } from '../src/process/short-turns.ts'

const CLIENTS = 2000
/** How often the request beside them waits for a turn, as one waits for statements and a hash. */
const WAITS = 5
/** Long enough that most of the clients ask again while the others are served. */
const ANSWER_MS = 0.02

test('a request that waits for something waits for few others, however eager their clients are', async () => {
  let answers = 0
  const addresses = new Set<string | null>()
  function answer() {
    const end = performance.now() + ANSWER_MS
    while (performance.now() < end);
    answers++
    return new Response('ok')
  }
  async function answerLate() {
    const before = answers
    for (let wait = 0; wait < WAITS; wait++) await setImmediate()
    return new Response(String(answers - before))
  }
  const turns = createShortTurns(() => listener.pendingRequests)
  const listener = listen(
    { HOST: '127.0.0.1', PORT: 0 },
    false,
    createHandler((request, addressOf) => {
      addresses.add(addressOf(request))
      return request.url.endsWith('/late') ? answerLate() : answer()
    }, turns),
  )
  onTestFinished(() => listener.stop(true))
  const clients = new Worker(new URL('./support/eager-clients.ts', import.meta.url), {
    workerData: { port: listener.port, count: CLIENTS },
  })
  onTestFinished(() => void clients.terminate())
  await once(clients, 'message')

  const between = Number(await (await fetch(`${listener.url}late`)).text())

  expect(between).toBeLessThan(WAITS * CLIENTS)
  // The others are served too, and their addresses are known when their turn comes.
  await expect.poll(() => answers).toBeGreaterThan(answers + CLIENTS)
  expect([...addresses]).toEqual(['127.0.0.1'])
})
