import { connect, type Socket } from 'node:net'
import type { Bench } from '../rig/bench.ts'
import { median } from '../rig/results.ts'
import { pause, runJob } from '../rig/server-process.ts'
import { type Load, runWrk } from '../rig/wrk.ts'
import { ANY_USER } from '../subjects/accounts.ts'
import { insertSessions } from '../subjects/servauth.ts'
import { ISSUER, openRig, type Person } from './rig.ts'

const LISTENERS = 1000
const ANNOUNCEMENTS = 50
const TURNS = 9
const TURN_SECONDS = 1
const MAX_REFRESHES_PER_SECOND = 4000

/** A token in the package: remembered and new, beside jose's `jwtVerify`, in calls a second. */
export async function measureVerification(bench: Bench) {
  const rig = await openRig(bench, await bench.databases.create('verification'))
  const servauth = await rig.startServauth()
  try {
    const env = { ISSUER, SERVAUTH_URL: servauth.url, SERVICE_KEY: rig.key }
    const command = [process.execPath, 'servers/verify-rates.ts']
    return await runJob<Record<'bare' | 'new' | 'remembered', number>>(bench, command, env)
  } finally {
    await servauth.stop()
    await rig.close()
  }
}

/** What a thousand listeners cost the server, and how long an end takes to reach all of them. */
export async function measureListeners(bench: Bench) {
  const rig = await openRig(bench, await bench.databases.create('listeners'))
  const servauth = await rig.startServauth()
  const heard: ((text: string, at: number) => void)[] = []
  const sockets: Socket[] = []
  const measureCpu = async () => {
    const before = servauth.cpuSeconds()
    await pause(bench.seconds * 1000)
    return (servauth.cpuSeconds() - before) / bench.seconds
  }
  try {
    const people = await rig.signIn(servauth.url, ANNOUNCEMENTS)
    const idle = await measureCpu()
    for (let index = 0; index < LISTENERS; index++) {
      const socket = connect(servauth.port, '127.0.0.1')
      socket.write(
        `GET /auth/revocations HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${rig.key}\r\n\r\n`,
      )
      socket.on('data', (data) => {
        const text = data.toString('latin1')
        if (text.includes('event: ended')) for (const hear of heard) hear(text, performance.now())
      })
      socket.on('error', () => {})
      sockets.push(socket)
      if (index % 50 === 49) await pause(50)
    }
    await pause(2000)
    const listening = await measureCpu()
    const lags: number[] = []
    for (const person of people) {
      let endedAt = 0
      const arrivals: number[] = []
      heard[0] = (text, at) => {
        if (text.includes(person.sessionId)) arrivals.push(at)
      }
      await rig.call(servauth.url, 'POST', '/auth/logout', {}, person.token)
      endedAt = performance.now()
      for (let turn = 0; turn < 200 && arrivals.length < LISTENERS; turn++) await pause(10)
      lags.push(...arrivals.map((at) => Math.max(0, at - endedAt)))
      lags.push(...Array.from({ length: LISTENERS - arrivals.length }, () => Number.POSITIVE_INFINITY))
    }
    lags.sort((a, b) => a - b)
    return {
      cores: listening - idle,
      medianMs: lags[Math.floor(lags.length / 2)] ?? Number.NaN,
      p99Ms: lags[Math.floor(lags.length * 0.99)] ?? Number.NaN,
      memoryMiB: servauth.memory(),
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    await servauth.stop()
    await rig.close()
  }
}

/** Answers a second of introspection and of `GET /auth/me`, for the same tokens. */
export async function measureIntrospection(bench: Bench) {
  const rig = await openRig(bench, await bench.databases.create('introspection'))
  const servauth = await rig.startServauth()
  try {
    const people = await rig.signIn(servauth.url, 100)
    const me = loadOf(people, ANY_USER, ({ token }) => ({
      method: 'GET',
      path: '/auth/me',
      headers: { authorization: `Bearer ${token}` },
    }))
    const introspect = loadOf(people, '"active":true', ({ token }) => ({
      method: 'POST',
      path: '/auth/introspect',
      headers: { authorization: `Bearer ${rig.key}` },
      body: { token },
    }))
    const rates = { me: [] as number[], introspect: [] as number[] }
    // In short turns, so that other programs disturb both alike.
    for (let turn = 0; turn < TURNS; turn++) {
      rates.me.push(await measureLoad(bench, servauth.url, me))
      rates.introspect.push(await measureLoad(bench, servauth.url, introspect))
    }
    return { me: median(rates.me), introspect: median(rates.introspect) }
  } finally {
    await servauth.stop()
    await rig.close()
  }
}

/** Refreshes a second that rotate, by the algorithm that signs access tokens. */
export async function measureRefreshes(bench: Bench) {
  const subjects = await Promise.all(
    ['EdDSA', 'ES256', 'RS256'].map(async (alg) => {
      const rig = await openRig(bench, await bench.databases.create(`refresh_${alg.toLowerCase()}`))
      const servauth = await rig.startServauth({ ACCESS_TOKEN_ALG: alg })
      return { alg, rig, servauth, users: await rig.sql`select id from users`, rates: [] as number[] }
    }),
  )
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      for (const { rig, servauth, users, rates } of subjects) {
        const userIds = Array.from({ length: TURN_SECONDS * MAX_REFRESHES_PER_SECOND }, (_, index) =>
          String(users[index % users.length]?.id),
        )
        const requests = (await insertSessions(rig.sql, rig.secret, userIds)).map(({ refreshToken }) => ({
          method: 'POST',
          path: '/auth/refresh',
          body: { refreshToken },
        }))
        const load = { requests, status: 200, text: ANY_USER, once: true }
        rates.push(await measureLoad(bench, servauth.url, load))
      }
    }
    return Object.fromEntries(subjects.map(({ alg, rates }) => [alg, median(rates)]))
  } finally {
    for (const { rig, servauth } of subjects) {
      await servauth.stop()
      await rig.close()
    }
  }
}

const loadOf = (
  people: Person[],
  text: string,
  request: (person: Person) => Load['requests'][number],
): Load => ({
  requests: people.map(request),
  status: 200,
  text,
})

async function measureLoad(bench: Bench, url: string, load: Load) {
  const { perSecond, faults } = await runWrk(bench, url, load, { seconds: TURN_SECONDS })
  if (faults.length > 0) throw new Error(faults.join('; '))
  return perSecond
}
