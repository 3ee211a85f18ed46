import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MAX_OPERATIONS, MAX_OPERATIONS_SHARE } from '../src/auth/load/operation-limit.ts'
import { createHashingGate } from '../src/auth/passwords/hashing-gate.ts'
import { GATE_LIMITS } from '../src/auth/passwords/passwords.ts'
import { ADAPTERS, account, type Client, from } from './support/client.ts'
import { BEHIND_PROXY, REAL_HASHES, startServer } from './support/server.ts'
import { pause } from './support/time.ts'

const settings = { THROTTLE: 'on', ...BEHIND_PROXY }
/** So many at once that they would fill the gate: as many as there are cores run, and 64 wait. */
const FLOOD = 300
/** How many operations of one network run or wait at once, whatever they are. */
const MAX_OF_NETWORK = MAX_OPERATIONS * MAX_OPERATIONS_SHARE
const OTHERS = 4

/** A busy machine hashes slowly, and otherwise would refuse what waits too long, of other networks too. */
function waitLongForHashes() {
  const { maxWaitMs } = GATE_LIMITS
  Object.assign(GATE_LIMITS, { maxWaitMs: 90_000 })
  onTestFinished(() => void Object.assign(GATE_LIMITS, { maxWaitMs }))
}

describe.each(ADAPTERS)('logins by %s', (adapter) => {
  async function serverWithUsers(limits?: string) {
    waitLongForHashes()
    const server = await startServer({
      ...settings,
      ...REAL_HASHES,
      ...(limits && { THROTTLE_LIMITS: limits }),
    })
    const client = () => server.client(adapter)
    const users: (() => ReturnType<Client['call']>)[] = []
    for (let index = 0; index < OTHERS; index++) {
      const input = { ...account(), transport: 'TOKEN' }
      const network = from(`198.51.100.${index + 1}`)
      await client().call('register', input, network)
      users.push(() => client().call('login', input, network))
    }
    const signInAll = async () => (await Promise.all(users.map((signIn) => signIn()))).map(({ code }) => code)
    return { client, signInAll }
  }
  const count = (answers: { code?: string }[], code: string) =>
    answers.filter((answer) => answer.code === code).length

  test('a network that sends too many is counted before it takes a place at the hashing gate', async () => {
    const { client, signInAll } = await serverWithUsers('loginPerAddress=5/60')

    const flood = Promise.all(
      Array.from({ length: FLOOD }, () => client().call('login', account(), from('203.0.113.1'))),
    )
    const others = await signInAll()
    const answers = await flood

    expect(others).toEqual(Array(OTHERS).fill(undefined))
    expect(count(answers, 'TOO_MANY_REQUESTS')).toBe(MAX_OF_NETWORK - 5)
    expect(count(answers, 'INVALID_CREDENTIALS')).toBe(5)
    expect(count(answers, 'SERVICE_UNAVAILABLE')).toBe(FLOOD - MAX_OF_NETWORK)
  })

  test('the logins of one network hold a quarter of the hashing gate at most', async () => {
    const { client, signInAll } = await serverWithUsers('loginPerAddress=9999/60')

    const flood = Promise.all(
      Array.from({ length: FLOOD }, (_, index) =>
        // Its addresses change within the network.
        client().call('login', account(), from(`2001:db8:1:2::${index + 1}`)),
      ),
    )
    const others = await signInAll()
    const answers = await flood

    expect(others).toEqual(Array(OTHERS).fill(undefined))
    // With a core, 16 of 65 places; with 8 cores, 18 of 72. Some places are free again before the last request arrives.
    expect(count(answers, 'SERVICE_UNAVAILABLE')).toBeGreaterThan(FLOOD / 2)
    expect(count(answers, 'INVALID_CREDENTIALS')).toBeGreaterThan(10)
    for (const { code, retryAfter } of answers) if (code === 'SERVICE_UNAVAILABLE') expect(retryAfter).toBe(1)
  })

  test('the registrations of one network leave the hashing gate open to logins of others', async () => {
    const { client, signInAll } = await serverWithUsers('registerPerAddress=9999/60')

    const flood = Promise.all(
      Array.from({ length: FLOOD }, () =>
        client().call('register', { ...account(), transport: 'TOKEN' }, from('203.0.113.1')),
      ),
    )
    const others = await signInAll()
    const answers = await flood

    expect(others).toEqual(Array(OTHERS).fill(undefined))
    expect(count(answers, 'SERVICE_UNAVAILABLE')).toBeGreaterThan(FLOOD / 2)
  })

  test('an attempt that the full gate refuses is no wrong password', async () => {
    // Hashes that take long keep the gate full.
    const slowHashes = { ARGON2_MEMORY_KIB: '65536', ARGON2_PASSES: '6' }
    const server = await startServer({
      ...settings,
      ...slowHashes,
      THROTTLE_LIMITS: 'loginPerAddress=9999/60',
    })
    const client = () => server.client(adapter)
    const [input, network] = [{ ...account(), transport: 'TOKEN' }, from('203.0.113.1')]
    await client().call('register', input, network)

    // They fill the gate, and leave operations to the network.
    const flood = Promise.all(Array.from({ length: 200 }, () => client().call('login', account(), network)))
    const codes = []
    for (let attempt = 0; attempt < 10; attempt++) {
      codes.push((await client().call('login', input, network)).code)
    }
    await flood

    expect(codes).toContain('SERVICE_UNAVAILABLE')
    expect(codes).not.toContain('TOO_MANY_REQUESTS')
  })

  test('an address is one network, however it is spelled', async () => {
    const { client } = await serverWithUsers()
    const spellings = [
      '203.0.113.9',
      '::ffff:203.0.113.9',
      '::ffff:cb00:7109',
      '0:0:0:0:0:FFFF:CB00:7109',
      '[::ffff:cb00:7109]:4711',
      '203.0.113.9:4711',
    ]

    const codes = []
    for (let index = 0; index < 24; index++) {
      const address = spellings[index % spellings.length] ?? ''
      codes.push((await client().call('login', account(), from(address))).code)
    }

    expect(codes).toEqual([...Array(20).fill('INVALID_CREDENTIALS'), ...Array(4).fill('TOO_MANY_REQUESTS')])
  })
})

/** Time that passes when the test says so, so that hashes take as long as they say on any machine. */
function useOwnTime() {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  return (ms: number) => vi.advanceTimersByTimeAsync(ms)
}

test('however long a hash takes, one network leaves the others time to hash', async () => {
  const pass = useOwnTime()
  const gate = createHashingGate({
    maxConcurrent: 1,
    maxQueued: 64,
    maxWaitMs: 500,
    maxShare: 1 / 4,
    maxHoldMs: 0,
  })
  const login = (network: string) =>
    gate
      .enter(network, () => gate.hash(() => pause(100)))
      .then(
        () => 'done',
        ({ code }) => code,
      )
  let isOver = false
  const flood = Array.from({ length: 20 }, async () => {
    for (; !isOver; await pause(5)) await login('203.0.113.1')
  })
  // Until then, the gate does not know how long a hash takes.
  await pass(1500)

  const codes: string[] = []
  for (let attempt = 0; attempt < 4; attempt++) {
    void login('198.51.100.1').then((code) => codes.push(code))
    await pass(700)
  }
  isOver = true
  await pass(1000)
  await Promise.all(flood)
  expect(codes).toEqual(Array(4).fill('done'))
})

test('a second after slow hashes have ended, as many logins as before may wait', async () => {
  const pass = useOwnTime()
  const gate = createHashingGate({
    maxConcurrent: 1,
    maxQueued: 64,
    maxWaitMs: 500,
    maxShare: 1,
    maxHoldMs: 0,
  })
  const hash = (ms: number) => gate.enter('', () => gate.hash(() => pause(ms)))
  for (let count = 0; count < 4; count++) {
    const slow = hash(300)
    await pass(300)
    await slow
  }
  await pass(1001)

  const burst = Promise.all(Array.from({ length: 65 }, () => hash(1)))
  await pass(100)
  expect(await burst).toHaveLength(65)
})
