import { expect, onTestFinished, test } from 'vitest'
import { account, type Client } from './support/client.ts'
import { useMailbox } from './support/mailbox.ts'
import { hasPgbouncer, startPgbouncer } from './support/pgbouncer.ts'
import { freePort } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { startReplication } from './support/replication.ts'
import { type FeedEvent, listenToFeed } from './support/revocations.ts'
import { scrape } from './support/scrape.ts'
import { createKeySetting } from './support/service-key.ts'
import { pause } from './support/time.ts'
import { untilServed } from './support/until-served.ts'

const mailbox = useMailbox()

/** A mail that was being sent when the primary died is sent again after its lease. */
const MAX_LEASE_MS = 150_000

/** How soon after the promotion all is well again, and how many times as long as a request a busy machine may need beside it. */
const MAX_FAILOVER_MS = 10_000
const MAX_REQUESTS = 20

type Replica = Awaited<ReturnType<typeof startProgram>>
type Answer = Awaited<ReturnType<Client['me']>>

async function register(replica: Replica) {
  const input = account()
  const client = replica.client()
  await untilServed(() => client.register(input))
  return { input, client }
}

/** Anything but success, and a 503 that says when to try again, is wrong. */
function judge(answer: Pick<Answer, 'code' | 'status' | 'headers'>, wrong: string[], what: string) {
  const mayTryAgain = answer.code === 'SERVICE_UNAVAILABLE' && answer.headers.get('retry-after') !== null
  if (answer.code && !mayTryAgain) wrong.push(`${what}: ${answer.status} ${answer.code}`)
  return answer.code === undefined
}

/** What the users have done so far. */
type Progress = { turns: number[]; changes: number[] }

/** A user who works until it is over. @returns what was acknowledged, and what was attempted after that */
async function work(replica: Replica, isOver: () => boolean, { turns }: Progress) {
  const self = turns.push(0) - 1
  const { client, input } = await register(replica)
  const wrong: string[] = []
  const ended: Client[] = []
  let names: string[] = []
  for (let turn = 0; !isOver(); turn++) {
    judge(await client.me(), wrong, 'me')
    judge(await client.refresh(), wrong, 'refresh')
    const name = `name ${turn}`
    names.push(name)
    if (judge(await client.updateMe({ username: name }), wrong, 'updateMe')) names = [name]
    const other = replica.client()
    const hasLoggedIn = judge(await other.login(input), wrong, 'login')
    if (hasLoggedIn && judge(await other.logout(), wrong, 'logout')) ended.push(other)
    turns[self] = turn
    await pause(20)
  }
  return { client, wrong, ended, names }
}

/** A user who changes the password until a change is not acknowledged, whose outcome is then unknown. */
async function changePasswords(replica: Replica, isOver: () => boolean, { changes }: Progress) {
  const self = changes.push(0) - 1
  const { client, input } = await register(replica)
  const { email, password } = input
  let passwords = [password]
  for (let turn = 0; !isOver(); turn++) {
    const [currentPassword = ''] = passwords
    const newPassword = `correct horse battery ${turn}`
    const { code } = await client.changePassword({ currentPassword, newPassword })
    if (code) {
      passwords = [currentPassword, newPassword]
      break
    }
    passwords = [newPassword]
    changes[self] = turn + 1
    await pause(20)
  }
  return { email, passwords }
}

test('a failover to a synchronous standby signs no client out, loses no acknowledged change and no mail', async () => {
  const replication = await startReplication()
  const settings = { DATABASE_URL: replication.url, SMTP_URL: mailbox.url, ARGON2_MEMORY_KIB: '17920' }
  const replicas = await Promise.all([startProgram(settings), startProgram(settings)] as const)
  const [first] = replicas
  const progress: Progress = { turns: [], changes: [] }
  let isOver = false
  const users = replicas.flatMap((replica) => [1, 2].map(() => work(replica, () => isOver, progress)))
  const changers = replicas.map((replica) => changePasswords(replica, () => isOver, progress))
  await expect.poll(() => Math.min(...progress.turns, ...progress.changes)).toBeGreaterThan(2)

  await replication.primary.kill()
  for (const replica of replicas) {
    await expect
      .poll(async () => (await replica.client().register(account())).code)
      .toBe('SERVICE_UNAVAILABLE')
  }
  await replication.standby.sql`select pg_promote()`
  for (const replica of replicas) {
    await expect.poll(async () => (await replica.client().register(account())).code).toBe(undefined)
  }

  // The former primary comes back as it was, and takes writes too.
  await replication.primary.start()
  await replication.standby.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'servauth'`
  const before = Math.max(...progress.turns)
  await expect.poll(() => Math.min(...progress.turns)).toBeGreaterThan(before + 2)
  isOver = true
  const worked = await Promise.all(users)
  const changed = await Promise.all(changers)

  expect(worked.flatMap(({ wrong }) => wrong)).toEqual([])
  for (const { client, ended, names } of worked) {
    expect((await untilServed(client.refresh)).code).toBe(undefined)
    expect(names).toContain((await untilServed(client.me)).data?.username)
    expect(ended.length).toBeGreaterThan(1)
    for (const session of ended) {
      expect(await untilServed(session.me)).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
      expect((await untilServed(session.refresh)).code).toMatch(/^(UNAUTHENTICATED|REFRESH_REUSED)$/)
    }
  }
  for (const { email, passwords } of changed) {
    const logins = await Promise.all(
      passwords.map((password) => untilServed(() => first.client().login({ email, password }))),
    )
    expect(logins.filter((login) => login.data)).toHaveLength(1)
    const hasNotice = () => mailbox.to(email).some(({ subject }) => /password was changed/.test(subject))
    await expect.poll(hasNotice, { timeout: MAX_LEASE_MS }).toBe(true)
  }
  const onFormer = () => replication.primary.sql`
    select query from pg_stat_activity where application_name = 'servauth'`
  await expect.poll(onFormer).toHaveLength(0)
  // Each notice goes out at most once for each time that a worker took it.
  const notices = await replication.standby.sql`
    select recipient, sum(attempts)::int as attempts from mail_outbox where kind = 'password-changed' group by recipient`
  for (const { recipient, attempts } of notices) {
    const received = mailbox.to(recipient).filter(({ subject }) => /password was changed/.test(subject))
    expect(received.length).toBeLessThanOrEqual(attempts)
  }
  // A server that starts now has the former primary as its first host.
  const late = await startProgram(settings)
  for (const { client } of worked) {
    const twin = late.client()
    Object.assign(twin.kept, client.kept)
    expect((await untilServed(twin.refresh)).code).toBe(undefined)
  }
  // It asked each host once, and keeps no connection to the former primary.
  await expect.poll(onFormer).toHaveLength(0)
  for (const replica of [...replicas, late]) await replica.stop()
})

test('a primary that hangs is left within seconds after the promotion of its standby', async () => {
  const replication = await startReplication()
  const metricsPort = await freePort()
  const server = await startProgram({ DATABASE_URL: replication.url, METRICS_PORT: String(metricsPort) })
  const { client } = await register(server)
  const began = performance.now()
  await register(server)
  const timeout = MAX_FAILOVER_MS + MAX_REQUESTS * (performance.now() - began)
  const hits = async () =>
    (await scrape(metricsPort)).sum('servauth_session_cache_lookups_total', { outcome: 'hit' })
  const hanging = replication.primary.hang()
  onTestFinished(hanging.wake)
  // As many as its pool has connections, so that all of them wait for the primary.
  const during = await Promise.all(Array.from({ length: 20 }, () => server.client().register(account())))
  await replication.standby.sql`select pg_promote()`

  await expect.poll(async () => (await server.client().register(account())).code, { timeout }).toBe(undefined)

  expect(new Set(during.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']))
  expect((await untilServed(client.refresh)).code).toBe(undefined)
  const hitsBefore = await hits()
  await expect.poll(() => client.me().then(hits), { timeout }).toBeGreaterThan(hitsBefore)
  await server.stop()
})

test('services hear what ends after a failover, also if the lost primary had counted its transactions further', async () => {
  const { primary, standby, url } = await startReplication()
  const { key, settings } = createKeySetting()
  const server = await startProgram({ DATABASE_URL: url, ...settings })
  const listen = (lastEventId?: string) => listenToFeed({ url: server.url, key, lastEventId })
  const users = [await register(server), await register(server), await register(server)] as const
  const [before, during, after] = users
  const idOf = async ({ input }: (typeof users)[number]) =>
    (
      await primary.sql`select s.id from sessions as s join users as u on u.id = s.user_id where u.email = ${input.email}`
    )[0]?.id
  const [idBefore, idDuring, idAfter] = [await idOf(before), await idOf(during), await idOf(after)]
  const ended = (sid: string) => (event: FeedEvent) => event.name === 'ended' && event.data.sid === sid
  const isProof = ({ name }: FeedEvent) => name === 'proof'
  const stays = await listen()
  const leaves = await listen()
  await before.client.logout()
  await stays.until(ended(idBefore))

  // The standby is cut off. The primary goes on for a while, and the standby never learns of that.
  const hanging = standby.hang()
  const rollBack = async () => {
    await primary.sql`begin`
    await primary.sql`select pg_current_xact_id()`
    await primary.sql`rollback`
  }
  for (let count = 0; count < 500; count++) await rollBack()
  expect((await during.client.logout()).code).toBe('SERVICE_UNAVAILABLE')
  await stays.until(ended(idDuring))
  await leaves.until(ended(idDuring))
  const position = leaves.events.findLast(({ id }) => id !== undefined)?.id
  leaves.close()
  await primary.kill()
  hanging.wake()
  await standby.sql`select pg_promote()`
  await untilServed(() => after.client.logout())
  await stays.until(isProof, stays.events.length)
  await stays.until(isProof, stays.events.length)
  expect(stays.revocations().some(ended(idAfter))).toBe(true)
  const returns = await listen(position)
  await returns.until(isProof)
  expect(returns.revocations().some(ended(idAfter))).toBe(true)
  await server.stop()
})

test('commits that wait for a lost standby do not use up the connections of the primary', async () => {
  const { primary, standby, url } = await startReplication()
  const server = await startProgram({ DATABASE_URL: url })
  const users = await Promise.all(Array.from({ length: 5 }, () => register(server)))
  const waiting = async () => {
    const [row] = await primary.sql`select count(*)::int from pg_stat_activity where wait_event = 'SyncRep'`
    return row?.count as number
  }
  await standby.kill()

  const answers = await Promise.all(users.map(({ client }) => client.updateMe({ username: 'waits' })))

  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']))
  await expect.poll(waiting).toBe(0)
  await primary.sql`alter system set synchronous_standby_names = ''`
  await primary.sql`select pg_reload_conf()`
  await server.stop()
})

test.runIf(hasPgbouncer)(
  'behind PgBouncer, a failover signs no client out, and revocations arrive after it',
  async () => {
    const replication = await startReplication()
    const bouncer = await startPgbouncer(replication.primary.url, 'session')
    const server = await startProgram({ DATABASE_URL: bouncer.url })
    const [stays, isEnded, leaves] = [await register(server), await register(server), await register(server)]
    await leaves.client.logout()

    await replication.primary.kill()
    await expect
      .poll(async () => (await server.client().register(account())).code)
      .toBe('SERVICE_UNAVAILABLE')
    const during = [await stays.client.refresh(), await leaves.client.refresh()]
    await replication.standby.sql`select pg_promote()`
    await bouncer.pointTo(replication.standby.port)
    await expect.poll(async () => (await server.client().register(account())).code).toBe(undefined)

    expect(during.map(({ code }) => code)).toEqual(Array(2).fill('SERVICE_UNAVAILABLE'))
    for (const { client } of [stays, isEnded])
      expect((await untilServed(client.refresh)).code).toBe(undefined)
    expect(await untilServed(leaves.client.me)).toMatchObject({ reason: 'REVOKED' })
    await isEnded.client.me()
    await replication.standby.sql`
    delete from sessions using users where users.id = sessions.user_id and users.email = ${isEnded.input.email}`
    await expect.poll(async () => (await untilServed(isEnded.client.me)).code).toBe('UNAUTHENTICATED')
    expect((await untilServed(stays.client.me)).code).toBe(undefined)
    await server.stop()
  },
)
