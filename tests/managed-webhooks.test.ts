import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { MAX_WEBHOOKS } from '../src/auth/webhooks/managed-webhooks.ts'
import { MAX_REPLAYED } from '../src/contract/operations/webhooks.ts'
import { createPrivateSecret, createSymmetricSecret } from '../src/webhooks/signature.ts'
import { toWebhookId } from '../src/webhooks/stored.ts'
import { registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, type Adapter, type Client } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { runCommand } from './support/process.ts'
import { type Received, startReceiver } from './support/receiver.ts'
import { startServer, useServer } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

/** In development, receivers may be on this machine. */
const server = useServer({ NODE_ENV: 'development' })

async function createWebhook(adapter: Adapter = 'REST', input: object = {}) {
  const receiver = await startReceiver()
  const admin = await registerAdministrator(server, ['admin'], adapter)
  const { data, code } = await admin.client.call('putWebhook', { url: receiver.url, ...input })
  if (!data) throw new Error(`putWebhook was answered with ${code}`)
  return {
    receiver,
    admin,
    client: admin.client,
    id: data.webhook.id,
    secret: data.secret ?? '',
    created: data,
  }
}

const by = (adapter: Adapter, filter: object) => (adapter === 'REST' ? filter : { filter })
const listed = async (client: Client, id: string) =>
  (await client.call('webhooks')).data?.find((webhook) => webhook.id === id)
const signaturesOf = ({ headers }: Received) => (headers['webhook-signature'] ?? '').split(' ')
const detailsOf = async (userId: string) =>
  (await server.sql`select kind, detail from events where actor_id = ${userId} order by last_at, id`).map(
    ({ kind, detail }) => `${kind} ${detail}`,
  )

async function receive(receiver: Awaited<ReturnType<typeof startReceiver>>, count: number) {
  await expect.poll(() => receiver.received.length).toBeGreaterThanOrEqual(count)
  return receiver.received
}

describe.each(ADAPTERS)('a webhook of administration by %s', (adapter) => {
  test('gets the types that it wants, signed by the secret that was shown once', async () => {
    const { receiver, admin, client, id, secret, created } = await createWebhook(adapter, {
      types: ['user.created', 'session.ended'],
    })
    const person = await server.registerUser()
    await person.client.logout()
    const received = await receive(receiver, 2)

    expect(received.map(({ type }) => type)).toEqual(['user.created', 'session.ended'])
    for (const { body, headers } of received) new Webhook(secret).verify(body, headers)
    expect(await listed(client, id)).toEqual({
      ...created.webhook,
      types: ['user.created', 'session.ended'],
      secrets: [{ kind: 'HMAC', publicKey: null }],
      ofSettings: false,
    })
    const [row] = await server.sql`select secrets from webhooks where id = ${id}`
    expect(row?.secrets).not.toContain(secret.slice(6, 30))
    expect(await detailsOf(admin.user.id)).toEqual([`webhook_changed ${id} ${new URL(receiver.url).origin}`])
  })

  test('has two secrets while one replaces the other', async () => {
    const { receiver, client, id, secret } = await createWebhook(adapter)
    const { url } = receiver
    const renewed = await client.call('putWebhook', { id, url, newSecret: 'ED25519' })
    await server.registerUser()
    const [both] = await receive(receiver, 1)
    const ended = await client.call('putWebhook', { id, url, endFormerSecret: true })
    const given = await client.call('putWebhook', {
      id,
      url,
      secret: createSymmetricSecret(),
      endFormerSecret: true,
    })

    expect(renewed.data?.secret).toBeNull()
    const [{ publicKey } = { publicKey: '' }, former] = renewed.data?.webhook.secrets ?? []
    expect(former).toEqual({ kind: 'HMAC', publicKey: null })
    if (!both) throw new Error('nothing was received')
    new Webhook(secret).verify(both.body, both.headers)
    expect(signaturesOf(both).map((text) => text.split(',')[0])).toEqual(['v1a', 'v1'])
    const x = Buffer.from((publicKey ?? '').replace('whpk_', ''), 'base64').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const content = `${both.headers['webhook-id']}.${both.headers['webhook-timestamp']}.${both.body}`
    const signature = signaturesOf(both)[0]?.slice(4) ?? ''
    expect(verify(null, Buffer.from(content), key, Buffer.from(signature, 'base64'))).toBe(true)
    expect(ended.data?.webhook.secrets).toEqual([{ kind: 'ED25519', publicKey }])
    expect(given.data).toMatchObject({ secret: null, webhook: { secrets: [{ kind: 'HMAC' }] } })
  })

  test('can be disabled, keeps what waits, and is gone when it is deleted', async () => {
    const { receiver, admin, client, id } = await createWebhook(adapter)
    const { url } = receiver
    receiver.answerWith(() => 500)
    await server.registerUser()
    await receive(receiver, 1)
    const disabled = await client.call('putWebhook', { id, url, disabled: true })
    await server.registerUser()
    const [waiting] = await server.sql`select count(*)::int from webhook_deliveries where webhook_id = ${id}`
    receiver.answerWith(() => 204)
    await server.sql`update webhook_deliveries set next_attempt_at = now() where webhook_id = ${id}`
    const enabled = await client.call('putWebhook', { id, url })
    await expect.poll(() => receiver.accepted().length).toBe(waiting?.count)
    const deleted = await client.call('deleteWebhook', { id })
    await server.registerUser()

    expect([disabled.data?.webhook.disabledAt, enabled.data?.webhook.disabledAt]).toEqual([
      expect.any(String),
      null,
    ])
    expect(waiting?.count).toBe(2)
    expect(deleted.code).toBeUndefined()
    expect(await listed(client, id)).toBeUndefined()
    expect((await client.call('deleteWebhook', { id })).code).toBe('NOT_FOUND')
    expect((await client.call('webhookDeliveries', by(adapter, { webhookId: id }))).data?.edges).toEqual([])
    expect(await detailsOf(admin.user.id)).toHaveLength(4)
    expect(
      await server.sql`select from webhook_deliveries where webhook_id = ${id} and event_id > (
      select max(event_id) from webhook_deliveries where webhook_id = ${id} and status = 'DELIVERED')`,
    ).toHaveLength(0)
  })

  test('can be tested: the answer is the result, and nothing is tried again', async () => {
    const { receiver, admin, client, id, secret } = await createWebhook(adapter, { disabled: true })
    const accepted = await client.call('testWebhook', { id })
    receiver.answerWith(() => 503)
    const refused = await client.call('testWebhook', { id })
    const [first] = receiver.received

    expect(accepted.data).toMatchObject({
      status: 'DELIVERED',
      lastResult: '204',
      type: 'webhook.test',
      attempts: 1,
    })
    expect(refused.data).toMatchObject({ status: 'FAILED', lastResult: '503', userId: null })
    expect(receiver.received).toHaveLength(2)
    expect(first).toMatchObject({
      id: accepted.data?.messageId,
      type: 'webhook.test',
      data: { userId: null },
    })
    new Webhook(secret).verify(first?.body ?? '', first?.headers ?? {})
    expect(await detailsOf(admin.user.id)).toContain(`webhook_tested ${id} ${new URL(receiver.url).origin}`)
    expect((await client.call('testWebhook', { id: crypto.randomUUID() })).code).toBe('NOT_FOUND')
  })

  test('shows its deliveries page by page, by their state', async () => {
    const { receiver, client, id } = await createWebhook(adapter)
    receiver.answerWith(({ type }) => (type === 'user.created' ? 500 : 204))
    const people = [await server.registerUser(), await server.registerUser()]
    await receive(receiver, 2)
    const [failing] = people
    const giveUp = () => server.sql`update webhook_deliveries set status = 'FAILED'
      where webhook_id = ${id} and user_id = ${failing?.user.id ?? ''} and last_result = '500' returning 1`
    await expect.poll(giveUp).toHaveLength(1)
    await expect.poll(() => receiver.accepted().length).toBe(1)
    const read = async (filter: object, page: object = {}) =>
      (
        await client.call('webhookDeliveries', {
          count: true,
          ...page,
          ...by(adapter, { webhookId: id, ...filter }),
        })
      ).data

    await expect.poll(async () => (await read({ status: 'DELIVERED' }))?.edges.length).toBe(1)
    const all = await read({})
    const one = await read({}, { first: 1 })
    const rest = await read({}, { first: 3, after: one?.pageInfo.endCursor })
    expect([all?.edges.length, all?.totalCount]).toEqual([4, 4])
    expect([...(one?.edges ?? []), ...(rest?.edges ?? [])].map(({ node }) => node.id)).toEqual(
      all?.edges.map(({ node }) => node.id),
    )
    expect((await read({ status: 'FAILED' }))?.edges).toMatchObject([
      { node: { lastResult: '500', type: 'user.created', userId: failing?.user.id, attempts: 1 } },
    ])
    expect(
      (await read({ status: 'PENDING' }))?.edges.map(({ node }) => [node.type, node.attempts > 0]),
    ).toEqual([
      ['session.started', false],
      ['user.created', true],
    ])
  })

  test('delivers events again: one, those that were given up, and those of a span of time', async () => {
    const { receiver, admin, client, id } = await createWebhook(adapter)
    await server.registerUser()
    await receive(receiver, 2)
    await expect
      .poll(
        async () =>
          (await server.sql`select from webhook_deliveries where webhook_id = ${id} and status = 'DELIVERED'`)
            .length,
      )
      .toBe(2)
    const [newest] =
      (await client.call('webhookDeliveries', by(adapter, { webhookId: id }))).data?.edges ?? []
    const replay = async (input: object) => {
      const { data, code } = await client.call('replayDeliveries', { webhookId: id, ...input })
      return data ?? code
    }

    expect(await replay({ delivery: newest?.node.id })).toEqual({ count: 1, next: null })
    await receive(receiver, 3)
    expect(receiver.received.at(-1)?.id).toBe(newest?.node.messageId)
    await server.sql`update webhook_deliveries set status = 'FAILED' where webhook_id = ${id}`
    expect(await replay({})).toEqual({ count: 2, next: null })
    await receive(receiver, 5)
    await expect
      .poll(
        async () =>
          (await server.sql`select from webhook_deliveries where webhook_id = ${id} and status = 'DELIVERED'`)
            .length,
      )
      .toBe(2)
    const [hourAgo, now] = [-3_600_000, 60_000].map((ms) => new Date(Date.now() + ms).toISOString())
    expect(await replay({})).toEqual({ count: 0, next: null })
    expect(await replay({ since: now })).toEqual({ count: 0, next: null })
    expect(await replay({ until: hourAgo })).toEqual({ count: 0, next: null })
    expect(await replay({ since: hourAgo, until: now })).toEqual({ count: 2, next: null })
    await receive(receiver, 7)
    expect(await detailsOf(admin.user.id)).toContain(
      `deliveries_replayed ${id} ${new URL(receiver.url).origin}: 2`,
    )
    expect(await replay({ delivery: `1.${crypto.randomUUID()}` })).toBe('NOT_FOUND')
    expect(await replay({ delivery: newest?.node.id, since: now })).toBe('INVALID_INPUT')
    expect(await replay({ after: 'x' })).toBe('INVALID_INPUT')
  })

  test('delivers one event at once that waits for its next attempt', async () => {
    const { receiver, client, id } = await createWebhook(adapter)
    const readFirst = async () =>
      (
        await server.sql`select event_id, attempts, status from webhook_deliveries
          where webhook_id = ${id} and last_result = '503' order by event_id limit 1`
      )[0]
    receiver.answerWith(() => 503)
    await server.registerUser()
    await expect.poll(readFirst).toMatchObject({ attempts: 1, status: 'PENDING' })
    const eventId = (await readFirst())?.event_id
    await server.sql`update webhook_deliveries set next_attempt_at = now() + interval '1 hour', attempts = 9
      where webhook_id = ${id} and event_id = ${eventId}`
    receiver.answerWith(() => 204)

    const { data } = await client.call('replayDeliveries', { webhookId: id, delivery: `${eventId}.${id}` })
    expect(data).toEqual({ count: 1, next: null })
    await expect.poll(readAttempt).toMatchObject({ attempts: 10, status: 'DELIVERED' })

    async function readAttempt() {
      const rows = await server.sql`select attempts, status from webhook_deliveries
        where webhook_id = ${id} and event_id = ${eventId}`
      return rows[0]
    }
  })
})

describe('a URL that cannot be', () => {
  const production = useServer({ WEBHOOK_NETWORKS: '10.1.0.0/16' })

  test('is refused by field: not https, not public, or with more than a URL of a receiver has', async () => {
    const { client } = await registerAdministrator(production)
    const faultOf = async (url: string) => {
      const { code, fields } = await client.call('putWebhook', { url })
      return code === 'INVALID_INPUT' ? fields?.map(({ path }) => path) : code
    }
    const urls = [
      ...[
        'http://93.184.216.34/',
        'ftp://93.184.216.34/',
        'https://me:secret@93.184.216.34/',
        'https://93.184.216.34/#a',
      ],
      ...[
        'https://127.0.0.1/',
        'https://10.0.0.7/',
        'https://[::1]/',
        'https://[::ffff:7f00:1]/',
        'https://0x7f.1/',
      ],
      ...[
        'https://169.254.169.254/latest/meta-data',
        'https://localhost/',
        'https://no.such.name.invalid/',
        'hooks',
        '',
      ],
      `https://93.184.216.34/${'a'.repeat(2048)}`,
    ]

    for (const url of urls) expect([url, await faultOf(url)]).toEqual([url, ['url']])
    expect(await production.sql`select from webhooks`).toHaveLength(0)
    expect(await faultOf('https://10.1.0.7/hooks')).toBeUndefined()
    expect(
      (await client.call('putWebhook', { url: 'https://10.1.0.7/', types: ['user.renamed'] })).code,
    ).toBe('INVALID_INPUT')
    expect(
      (await client.call('putWebhook', { url: 'https://10.1.0.7/', secret: 'whsec_c2hvcnQ=' })).fields,
    ).toMatchObject([{ path: 'secret' }])
    const both = { url: 'https://10.1.0.7/', secret: createPrivateSecret(), newSecret: 'HMAC' }
    expect((await client.call('putWebhook', both)).fields).toMatchObject([{ path: 'newSecret' }])
  })

  test('is deleted also if its URL is not valid, as after a change by SQL', async () => {
    const { client } = await registerAdministrator(production)
    const id = crypto.randomUUID()
    await production.sql`insert into webhooks (id, url, secrets, disabled_at) values (${id}, 'nonsense', 'x', now())`

    expect((await client.call('deleteWebhook', { id })).data).toBe(true)
    expect(await production.sql`select from webhooks where id = ${id}`).toHaveLength(0)
  })

  test('is refused when there are as many webhooks as there may be', async () => {
    const { client } = await registerAdministrator(production)
    await production.sql`insert into webhooks (id, url, secrets, disabled_at)
      select gen_random_uuid(), 'https://10.1.0.7/', 'x', now() from generate_series(1, ${MAX_WEBHOOKS})`

    expect((await client.call('putWebhook', { url: 'https://10.1.0.7/' })).code).toBe('INVALID_INPUT')
    await production.sql`delete from webhooks`
  })
})

test('a webhook of the settings is shown, and only the settings change it', async () => {
  const receiver = await startReceiver()
  const own = await startServer({
    NODE_ENV: 'development',
    WEBHOOKS: receiver.url,
    WEBHOOK_SECRETS: createSymmetricSecret(),
  })
  const { client } = await registerAdministrator(own)
  const [webhook] = (await client.call('webhooks')).data ?? []
  const id = webhook?.id

  expect(webhook).toMatchObject({
    ofSettings: true,
    url: receiver.url,
    secrets: [{ kind: 'HMAC' }],
    types: null,
  })
  for (const refused of [
    await client.call('putWebhook', { id, url: receiver.url }),
    await client.call('deleteWebhook', { id }),
    await client.call('deleteWebhook', { id: id?.toUpperCase() }),
  ]) {
    expect(refused).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'id', message: expect.stringContaining('WEBHOOKS') }],
    })
  }
  expect((await client.call('testWebhook', { id })).data?.status).toBe('DELIVERED')
})

test('a program without the settings of a webhook cannot delete it before the servers have lost it too', async () => {
  const receiver = await startReceiver()
  const own = await startServer({
    NODE_ENV: 'development',
    WEBHOOKS: receiver.url,
    WEBHOOK_SECRETS: createSymmetricSecret(),
  })
  const env = { ...own.env, WEBHOOKS: '', WEBHOOK_SECRETS: '' }
  const remove = () => callCommand(`webhook delete ${toWebhookId(receiver.url)}`, { env })

  expect(await remove()).toMatchObject({
    code: 1,
    output: expect.stringContaining('Change WEBHOOKS instead'),
  })
  // As the start of a server without it does.
  await own.sql`update webhooks set disabled_at = now()`
  expect((await remove()).code).toBe(0)
})

test('a receiver that answers 410 is asked no more, until an administrator enables its webhook again', async () => {
  const { receiver, client, id } = await createWebhook()
  const { url } = receiver
  receiver.answerWith(() => 410)
  await server.registerUser()
  await expect.poll(async () => (await listed(client, id))?.fault).toBe('410')
  const { length } = receiver.received
  await server.registerUser()
  const [kept] =
    await server.sql`select count(*)::int from webhook_deliveries where webhook_id = ${id} and status = 'PENDING'`
  receiver.answerWith(() => 204)
  await server.sql`update webhook_deliveries set next_attempt_at = now() where webhook_id = ${id}`
  const enabled = await client.call('putWebhook', { id, url })

  expect(enabled.data?.webhook).toMatchObject({ disabledAt: null, fault: null })
  expect(kept?.count).toBe(2)
  await expect.poll(() => receiver.accepted().length).toBe(2)
  expect(receiver.received).toHaveLength(length + 2)
})

test('a webhook whose URL is not valid after a change by SQL says so, and its test is over', async () => {
  const { client, id } = await createWebhook()
  await server.sql`update webhooks set url = 'ftp://example.com/' where id = ${id}`

  expect((await client.call('testWebhook', { id })).data).toMatchObject({
    status: 'FAILED',
    lastResult: 'the URL is not valid',
  })
  await server.registerUser()
  const results = () => server.sql`
    select distinct d.last_result as result from webhook_deliveries as d join webhook_events as e on e.id = d.event_id
    where d.webhook_id = ${id} and e.type <> 'webhook.test' and d.attempts > 0`
  await expect.poll(results).toEqual([{ result: 'the URL is not valid' }])
})

test('a former receiver that answers 410 late does not disable the webhook that has another URL', async () => {
  const { receiver, client, id } = await createWebhook()
  const present = await startReceiver()
  const former = Promise.withResolvers<() => void>()
  receiver.answerWith((_, response) => {
    former.resolve(() => response.writeHead(410).end())
    return 'nothing'
  })
  const { user } = await server.registerUser()
  const answerLate = await former.promise
  await client.call('putWebhook', { id, url: present.url })
  answerLate()
  const resultOf = async () =>
    (
      await server.sql`select last_result from webhook_deliveries where webhook_id = ${id} order by event_id limit 1`
    )[0]?.last_result
  await expect.poll(resultOf).toBe('410')
  await server.sql`update webhook_deliveries set next_attempt_at = now() where webhook_id = ${id}`

  expect(await listed(client, id)).toMatchObject({ url: present.url, disabledAt: null, fault: null })
  await expect.poll(() => present.accepted()[0]?.data.userId).toBe(user.id)
})

test('a span of many events is delivered again call after call, and a test is no event for readers', async () => {
  const { client, id } = await createWebhook('REST', { disabled: true })
  await client.call('testWebhook', { id })
  await server.sql`
    with made as (insert into webhook_events (type, data) select 'user.created', '{}' from generate_series(1, ${MAX_REPLAYED + 5}) returning id)
    insert into webhook_deliveries (webhook_id, event_id, status) select ${id}, id, case when id % 2 = 0 then 'DELIVERED' else 'FAILED' end::delivery_status from made`
  const since = new Date(Date.now() - 3_600_000).toISOString()
  const first = await client.call('replayDeliveries', { webhookId: id, since })
  await server.sql`update webhook_deliveries set status = 'DELIVERED' where webhook_id = ${id}`
  const second = await client.call('replayDeliveries', { webhookId: id, since, after: first.data?.next })
  const { key } = await insertServiceKey(server.sql, ['events:read'])
  const page = await server.fetch('/auth/admin/webhooks/events?first=1000', {
    headers: { authorization: `Bearer ${key}` },
  })

  // The test is the oldest of them.
  expect([first.data?.count, second.data?.count, second.data?.next]).toEqual([MAX_REPLAYED, 6, null])
  const { events } = await page.json()
  expect(events.filter(({ type }: { type: string }) => type === 'webhook.test')).toEqual([])
})

test('a proxy of the environment gets no events', async () => {
  const [proxy, { receiver, id }] = [await startReceiver(), await createWebhook()]
  const variables = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'].map((name) => [name, proxy.url])
  const env = { ...server.env, ...Object.fromEntries(variables), NODE_USE_ENV_PROXY: '1' }

  expect((await runCommand(`webhook test ${id}`, { env })).code).toBe(0)
  expect([receiver.received.length, proxy.received.length]).toEqual([1, 0])
})

test('the commands of an operator do the same, and a running server notices them', async () => {
  const receiver = await startReceiver()
  const run = (words: string) => callCommand(words, { env: server.env })
  const readJson = async (words: string) => JSON.parse((await run(`${words} --json`)).output)
  const put = await runCommand(`webhook put ${receiver.url} --types user.created --json`, { env: server.env })
  const { webhook, secret } = JSON.parse(put.output)
  const { id } = webhook
  await server.registerUser()
  await receive(receiver, 1)

  new Webhook(secret).verify(receiver.received[0]?.body ?? '', receiver.received[0]?.headers ?? {})
  expect((await readJson('webhook list')).find((one: { id: string }) => one.id === id)).toEqual(webhook)
  await expect
    .poll(async () => (await readJson(`webhook deliveries --webhook ${id} --status delivered`)).length)
    .toBe(1)
  expect((await run(`webhook test ${id}`)).output).toContain('webhook.test')
  expect((await run(`webhook replay ${id} --since 2020-01-01T00:00:00Z`)).output).toContain(
    '2 events are delivered again',
  )
  const [delivery] = await readJson(`webhook deliveries --webhook ${id}`)
  expect((await run(`webhook replay ${id} --delivery ${delivery.id}`)).output).toContain(
    '1 event is delivered again',
  )
  expect(await run(`webhook put ftp://example.com`)).toMatchObject({
    code: 1,
    output: expect.stringContaining('https URL'),
  })
  const wrong = {
    'webhook deliveries --status lost': 'Allowed choices are',
    [`webhook put ${receiver.url} --new-secret rsa`]: 'Allowed choices are',
    [`webhook put ${receiver.url} --types user.lost`]: 'They must be some of user.created,',
    [`webhook replay ${id} --since yesterday`]: 'It must be a time',
    [`webhook replay ${id} --until 2026-11-24`]: 'It must be a time',
    [`webhook replay ${id} --delivery x`]: 'It must be the id of a delivery',
  }
  for (const [words, sentence] of Object.entries(wrong)) {
    expect(await run(words)).toMatchObject({ code: 2, output: expect.stringContaining(sentence) })
  }
  expect((await run(`webhook put ${receiver.url} --id ${id} --new-secret ed25519`)).output).toContain('whpk_')
  expect((await run(`webhook delete ${id}`)).code).toBe(0)
  expect((await run(`webhook delete ${id}`)).code).toBe(1)
})
