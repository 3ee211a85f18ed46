import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { createPrivateSecret, createSymmetricSecret, toPublicKey } from '../src/webhooks/signature.ts'
import { registerWithTotp } from './support/authenticator.ts'
import { JSON_TYPE } from './support/client.ts'
import { reportMissing } from './support/programs.ts'
import { createProject } from './support/project.ts'
import { type Received, startReceiver } from './support/receiver.ts'
import { send } from './support/send.ts'
import { startServer } from './support/server.ts'
import { snippetsOf } from './support/snippets.ts'

/** A Python with the library: `pip install standardwebhooks`. */
const PYTHON = process.env.PYTHON ?? 'python3'
const hasPython = reportMissing(
  'standardwebhooks for Python',
  spawnSync(PYTHON, ['-c', 'import standardwebhooks']).status === 0,
)
const VERIFY = `
import json, sys
from standardwebhooks.webhooks import Webhook
_, secret, body, headers = sys.argv
print(Webhook(secret).verify(body, json.loads(headers))['type'])`

type Receiver = Awaited<ReturnType<typeof startReceiver>>
type Server = Awaited<ReturnType<typeof startServer>>

/** In development, receivers may be on this machine. */
const settingsFor = ({ url }: { url: string }, secrets = [createSymmetricSecret()]) => ({
  NODE_ENV: 'development',
  WEBHOOKS: url,
  WEBHOOK_SECRETS: secrets.join(','),
})

async function startWithReceiver() {
  const receiver = await startReceiver()
  return { receiver, server: await startServer(settingsFor(receiver)) }
}

/** Waits until nothing is pending. Retries are not waited for. */
async function drain({ sql, wakeWebhooks }: Server) {
  const countPending = async () => {
    await sql`update webhook_deliveries set next_attempt_at = now() where status = 'PENDING' and last_result is not null`
    wakeWebhooks()
    return (await sql`select from webhook_deliveries where status = 'PENDING'`).length
  }
  await expect.poll(countPending, { interval: 50 }).toBe(0)
}

const typesOf = (messages: Received[], userId: string) =>
  messages.filter(({ data }) => data.userId === userId).map(({ type }) => type)

/** The events of each user in the database, and those that a receiver has accepted, in their orders. */
async function compare({ sql }: Server, receiver: Receiver) {
  const kept = await sql`select message_id, user_id from webhook_events order by id`
  const byUser = (rows: { id: string; userId: string | null }[]) =>
    Object.fromEntries(
      [...Map.groupBy(rows, ({ userId }) => String(userId))]
        .map(([user, list]) => [user, list.map(({ id }) => id)])
        .sort(),
    )
  return {
    committed: byUser(kept.map(({ message_id, user_id }) => ({ id: `msg_${message_id}`, userId: user_id }))),
    received: byUser(receiver.accepted().map(({ id, data }) => ({ id, userId: data.userId }))),
  }
}

describe('events', () => {
  test('every change of an account is an event, in order, with ids and without values', async () => {
    const { receiver, server } = await startWithReceiver()
    const person = await registerWithTotp(server)
    const { client, email, password, user } = person
    await client.updateMe({ username: 'Ada', locale: 'fr' })
    await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' })
    await client.logout()
    await server.sql`update users set email_verified = true where id = ${user.id}`
    await server.sql`update users set disabled_at = now() where id = ${user.id}`
    await server.sql`update users set disabled_at = null where id = ${user.id}`
    await server.sql`delete from users where id = ${user.id}`
    await drain(server)

    expect(typesOf(receiver.accepted(), user.id)).toEqual([
      ...[
        'user.created',
        'session.started',
        'factor.added',
        'user.updated',
        'password.changed',
        'session.ended',
      ],
      ...['user.email_verified', 'user.disabled', 'user.updated', 'factor.removed', 'user.deleted'],
    ])
    const text = receiver.received.map(({ body }) => body).join('\n')
    for (const value of [email, password, 'Ada', 'another long phrase']) expect(text).not.toContain(value)
    expect(receiver.accepted().find(({ type }) => type === 'user.updated')?.data).toEqual({
      userId: user.id,
      changed: ['username', 'locale'],
    })
    expect(receiver.accepted().find(({ type }) => type === 'session.ended')?.data).toEqual({
      userId: user.id,
      sessionId: person.session.id,
      expired: false,
    })
  })

  test('a reused refresh token, and plain SQL on sessions, are events; a rehash is no change of the password', async () => {
    const { receiver, server } = await startWithReceiver()
    const { client, email, password, user } = await server.registerUser()
    const thief = client.twin()
    await server.sql`update sessions set rotated_at = now() - interval '1 hour', token_used_at = now() - interval '1 hour'`
    await client.refresh()
    await client.me()
    await client.refresh()
    await server.sql`update sessions set token_used_at = now() - interval '1 hour'`
    const reused = await thief.refresh()
    await server.sql`insert into events (kind, user_id) values ('login', ${user.id})`
    await server.restart()
    await server.sql`truncate sessions`
    const quick = await server.startReplica({ ...loadEnv(server.env), ARGON2_PASSES: 3 })
    const login = {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ email, password, transport: 'TOKEN' }),
    }
    const attempt = await send(quick.app, '/auth/login', login)
    await drain(server)

    expect(attempt.status).toBe(200)
    const types = typesOf(receiver.accepted(), user.id)
    if (reused.code === 'REFRESH_REUSED') expect(types).toContain('refresh.reused')
    expect(types).not.toContain('password.changed')
    expect(receiver.accepted().find(({ data }) => data.userId === null)?.data).toEqual({
      userId: null,
      all: true,
    })
  })

  test('a change that is rolled back is no event, and without a webhook nothing is kept', async () => {
    const { receiver, server } = await startWithReceiver()
    const plain = await startServer()
    await plain.registerUser()
    await server.sql
      .begin(async (tx) => {
        await tx`insert into users (email, password) values ('a@example.com', 'x')`
        throw new Error('rolled back')
      })
      .catch(() => {})
    await server.sql.begin(async (tx) => {
      await tx`insert into users (id, email, password) values (${crypto.randomUUID()}, 'b@example.com', 'x')`
      await tx`delete from users where email = 'b@example.com'`
    })
    await drain(server)

    expect(receiver.received).toEqual([])
    expect(await plain.sql`select from webhook_events`).toHaveLength(0)
  })
})

test('without a webhook, a change calls no function that writes events', async () => {
  const server = await startServer()
  const calledFor = (hasWebhook: boolean) =>
    server.sql
      .begin(async (tx) => {
        await tx`set local track_functions = 'pl'`
        if (hasWebhook) await tx`insert into webhooks (id) values (gen_random_uuid())`
        await tx`insert into users (id, email, password) values (gen_random_uuid(), 'a@example.com', 'x')`
        await tx`update users set username = 'Ada', password = 'y'`
        await tx`insert into sessions (user_id, token, transport, expires_at) select id, 'x', 'TOKEN', now() + interval '1 day' from users`
        await tx`delete from sessions`
        const called =
          await tx`select funcname from pg_stat_xact_user_functions where funcname like 'announce%'`
        throw Object.assign(new Error('rolled back'), {
          called: called.map(({ funcname }) => funcname).sort(),
        })
      })
      .catch(({ called }: { called?: string[] }) => called)

  // The counts of a transaction that was rolled back stay.
  expect(await calledFor(false)).toEqual([])
  expect(await calledFor(true)).toEqual(['announce_event', 'announce_session', 'announce_user'])
})

describe('a signature', () => {
  test('each secret signs, v1 is verified by the library of the standard, and v1a by the public key', async () => {
    const receiver = await startReceiver()
    const [next, former, asymmetric] = [
      createSymmetricSecret(),
      createSymmetricSecret(),
      createPrivateSecret(),
    ]
    const server = await startServer(settingsFor(receiver, [next, former, asymmetric]))
    await server.registerUser()
    await drain(server)

    const [message] = receiver.received
    const { body = '', headers = {} } = message ?? {}
    for (const secret of [next, former]) {
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'user.created' })
    }
    expect(() => new Webhook(createSymmetricSecret()).verify(body, headers)).toThrow()
    expect(() => new Webhook(next).verify(body.replace('user', 'root'), headers)).toThrow()
    const signature = /v1a,(\S+)/.exec(headers['webhook-signature'] ?? '')?.[1] ?? ''
    const x = Buffer.from(toPublicKey(asymmetric).replace('whpk_', ''), 'base64').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const content = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    expect(verify(null, content, key, Buffer.from(signature, 'base64'))).toBe(true)
  })
})

test('the function of docs/webhooks.md accepts a message by its public key, and refuses others', async () => {
  const { snippets } = await snippetsOf('webhooks')
  const project = await createProject([])
  for (const { path, code } of snippets) await project.write(path, code)
  const { verifyEvent } = await import(join(project.folder, 'verify-public.ts'))
  const receiver = await startReceiver()
  const secret = createPrivateSecret()
  const server = await startServer(settingsFor(receiver, [createSymmetricSecret(), secret]))
  await server.registerUser()
  await drain(server)

  const [{ body, headers } = { body: '', headers: {} }] = receiver.received
  const given = new Headers(headers)
  const key = toPublicKey(secret)
  expect(verifyEvent(key, body, given)).toMatchObject({ type: 'user.created' })
  expect(() => verifyEvent(toPublicKey(createPrivateSecret()), body, given)).toThrow('not a message')
  expect(() => verifyEvent(key, body.replace('user', 'root'), given)).toThrow('not a message')
  given.set('webhook-timestamp', '1795856000')
  expect(() => verifyEvent(key, body, given)).toThrow('not a message')
})

test.skipIf(!hasPython)('the library of the standard for Python verifies a message', async () => {
  const receiver = await startReceiver()
  const secret = createSymmetricSecret()
  const server = await startServer(settingsFor(receiver, [secret]))
  await server.registerUser()
  await drain(server)

  const [{ body, headers } = { body: '', headers: {} }] = receiver.received
  const verified = execFileSync(PYTHON, ['-c', VERIFY, secret, body, JSON.stringify(headers)], {
    encoding: 'utf8',
  })
  expect(verified.trim()).toBe('user.created')
})

describe('delivery', () => {
  test('a receiver that fails gets everything afterwards, each event at least once and those of a user in order', async () => {
    const { receiver, server } = await startWithReceiver()
    let calls = 0
    receiver.answerWith((_, response) => {
      calls++
      if (calls % 3 === 0) response.destroy()
      return calls % 3 === 0 ? 'nothing' : calls % 3 === 1 ? 500 : 204
    })
    const people = await Promise.all(Array.from({ length: 4 }, () => server.registerUser()))
    for (const { client, input } of people) {
      await client.updateMe({ username: 'Ada' })
      await client.logout()
      await client.login(input)
    }
    await drain(server)

    const { committed, received } = await compare(server, receiver)
    expect(received).toEqual(committed)
    const total = Object.values(committed).flat().length
    expect(total).toBeGreaterThanOrEqual(8)
    expect(receiver.received.length).toBeGreaterThan(total)
  })

  test('a receiver that was away for two hours gets everything in order, of many users and from two replicas', async () => {
    const { receiver, server } = await startWithReceiver()
    await server.startReplica()
    receiver.answerWith(() => 503)
    const people = await Promise.all(Array.from({ length: 12 }, () => server.registerUser()))
    await Promise.all(
      people.map(async ({ client, input }, index) => {
        for (let change = 0; change <= index % 4; change++)
          await client.updateMe({ username: `Name ${change}` })
        if (index % 3 === 0) await client.logout()
        await server.client('REST', 'COOKIE').login(input)
      }),
    )
    await expect.poll(() => receiver.received.length).toBeGreaterThan(0)
    const [row] = await server.sql`
      select status, last_result from webhook_deliveries order by attempts desc limit 1`
    // As after two hours of attempts.
    await server.sql`
      update webhook_deliveries set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours',
        attempts = case when attempts = 0 then 0 else 12 end`
    receiver.answerWith(() => 204)
    await drain(server)

    expect(row).toMatchObject({ status: 'PENDING', last_result: '503' })
    const { committed, received } = await compare(server, receiver)
    expect(received).toEqual(committed)
    expect(Object.keys(committed).length).toBe(people.length)
    for (const { user } of people) expect(typesOf(receiver.accepted(), user.id).length).toBeGreaterThan(3)
  })

  test('after three days an event is given up, and the next of the user is delivered', async () => {
    const { receiver, server } = await startWithReceiver()
    receiver.answerWith(({ type }) => (type === 'user.created' ? 400 : 204))
    const { user } = await server.registerUser()
    await expect.poll(() => receiver.received.length).toBeGreaterThan(0)
    await server.sql`update webhook_deliveries set expires_at = now(), next_attempt_at = now()`
    await drain(server)

    expect(typesOf(receiver.accepted(), user.id)).toEqual(['session.started'])
    const states = await server.sql`select status, last_result from webhook_deliveries order by event_id`
    expect([...states]).toEqual([
      { status: 'FAILED', last_result: '400' },
      { status: 'DELIVERED', last_result: '204' },
    ])
  })

  test('a receiver that does not answer delays no request and no other receiver', async () => {
    const [slow, quick] = [await startReceiver(), await startReceiver()]
    slow.answerWith(() => 'nothing')
    const server = await startServer(settingsFor({ url: `${slow.url},${quick.url}` }))
    for (let index = 0; index < 3; index++) {
      const { client } = await server.registerUser()
      for (const username of ['Ada', 'Bea', 'Cleo', 'Dora', 'Eve']) await client.updateMe({ username })
    }

    const [row] = await server.sql`select count(*)::int as kept from webhook_events`
    expect(row?.kept).toBeGreaterThanOrEqual(6)
    await expect.poll(() => quick.accepted().length).toBe(row?.kept)
  })

  test('events that wait for an earlier one of their user hide no others, and are due when it is delivered', async () => {
    const { receiver, server } = await startWithReceiver()
    const { user } = await server.registerUser()
    await drain(server)
    receiver.answerWith(({ data }) => (data.userId === user.id ? 500 : 204))
    await server.sql`
      with made as (
        insert into webhook_events (type, user_id, data)
        select 'user.updated', ${user.id}, '{}' from generate_series(1, 200) returning id)
      insert into webhook_deliveries (webhook_id, event_id, user_id) select webhooks.id, made.id, ${user.id} from made, webhooks`
    const countDue = async () =>
      (await server.sql`select from webhook_deliveries where status = 'PENDING' and next_attempt_at <= now()`)
        .length
    await expect.poll(countDue).toBeLessThan(10)
    const other = await server.registerUser()
    await expect
      .poll(() => typesOf(receiver.accepted(), other.user.id))
      .toEqual(['user.created', 'session.started'])
    receiver.answerWith(() => 204)
    await drain(server)

    const { committed, received } = await compare(server, receiver)
    expect(received).toEqual(committed)
  })

  test('two replicas deliver each event once', async () => {
    const { receiver, server } = await startWithReceiver()
    await server.startReplica()
    for (let index = 0; index < 10; index++) await server.registerUser()
    await expect.poll(() => receiver.accepted().length).toBe(20)

    expect(receiver.received).toHaveLength(20)
  })

  test('a webhook that the settings no longer have gets no more events, and those that wait are kept', async () => {
    const { receiver, server } = await startWithReceiver()
    receiver.answerWith(() => 500)
    await server.registerUser()
    await expect.poll(() => receiver.received.length).toBeGreaterThan(0)
    const { WEBHOOKS: _, ...without } = server.env as Record<string, string>
    await server.startReplica(loadEnv(without))
    await server.registerUser()

    const waiting = await server.sql`select from webhook_deliveries where status = 'PENDING'`
    expect(waiting).toHaveLength(2)
  })
})
