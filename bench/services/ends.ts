import type { Bench } from '../rig/bench.ts'
import { pause } from '../rig/server-process.ts'
import { PASSWORD } from '../subjects/accounts.ts'
import { openRig, type Person, startClient } from './rig.ts'

const WATCH_MS = 700

/**
 * Ends sessions in five ways while a client asks a service 200 times a second. The lag is the time from the answer to
 * the last 200 of the service.
 */
export async function measureEnds(bench: Bench, ends: number) {
  const rig = await openRig(bench, await bench.databases.create('ends'))
  const servauth = await rig.startServauth()
  const service = await rig.startService(servauth.url)
  const call = (method: string, path: string, body?: unknown, token?: string) =>
    rig.call(servauth.url, method, path, body, token)
  const WAYS: Record<string, (person: Person) => PromiseLike<unknown>> = {
    logout: ({ token }) => call('POST', '/auth/logout', {}, token),
    'revoked session': ({ sessionId, otherToken }) =>
      call('DELETE', `/auth/sessions/${sessionId}`, undefined, otherToken),
    'changed password': ({ otherToken }) =>
      call(
        'PUT',
        '/auth/password',
        { currentPassword: PASSWORD, newPassword: 'another long phrase' },
        otherToken,
      ),
    'disabled by SQL': ({ userId }) => rig.sql`update users set disabled_at = now() where id = ${userId}`,
    'deleted by SQL': ({ userId }) => rig.sql`delete from users where id = ${userId}`,
  }
  const names = Object.keys(WAYS)
  const lags = new Map<string, number[]>(names.map((name) => [name, []]))
  const faults: string[] = []
  let answered = 0
  try {
    const [live] = (await rig.signIn(servauth.url, 1)) as [Person]
    for (let batch = 0; batch < Math.ceil(ends / names.length); batch++) {
      const people = await rig.signIn(servauth.url, names.length)
      const client = startClient(service.url, [...people, live])
      await client.until(200)
      const before = Number(await rig.call(service.url, 'GET', '/requests'))
      const endedAt = new Map<Person, number>()
      for (const [index, name] of names.entries()) {
        const person = people[index] as Person
        await WAYS[name]?.(person)
        endedAt.set(person, performance.now())
      }
      await pause(WATCH_MS)
      const asked = Number(await rig.call(service.url, 'GET', '/requests')) - before
      const answers = await client.stop()
      answered += answers.length
      for (const [index, name] of names.entries()) {
        const person = people[index] as Person
        const ended = endedAt.get(person) ?? 0
        const ofPerson = answers.filter((answer) => answer.person === person)
        const last = Math.max(
          ended,
          ...ofPerson.filter(({ status }) => status === 200).map((one) => one.answeredAt),
        )
        lags.get(name)?.push(last - ended)
        const statuses = new Set(ofPerson.filter(({ sentAt }) => sentAt > last).map(({ status }) => status))
        if ([...statuses].join() !== '401')
          faults.push(`${name}: then ${[...statuses].join(', ') || 'no answer'}`)
      }
      const others = answers.filter(({ person, status }) => person === live && status !== 200)
      if (others.length > 0) faults.push(`a live session got ${others[0]?.status}, ${others.length} times`)
      if (asked > 1) faults.push(`the service sent ${asked} requests to Servauth`)
    }
  } finally {
    await service.stop()
    await servauth.stop()
    await rig.close()
  }
  return { lags, faults, answered }
}
