import { beforeAll, describe, expect, test } from 'vitest'
import { account, type Operation } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { clearAway } from './support/housekeeping.ts'
import { type ServerWithMail, useServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

/** Tables that stay so small that a sequential scan is the best plan, and the tables of PostgreSQL itself. */
const SMALL = /^(jwks|webhooks|pg_\w+)$/

type Node = { 'Node Type': string; 'Relation Name'?: string; Plans?: Node[] }
type Explained = { 'Query Text': string; Plan: Node }

/** So many rows that a sequential scan is a bad plan. */
const LOAD = `
  insert into users (email, password) select 'user' || n || '@example.org', 'x' from generate_series(1, 5000) n;
  insert into users (email, password, disabled_at, disabled_until)
    select 'suspended' || n || '@example.org', 'x', now(), now() + (n - 50) * interval '1 minute' from generate_series(1, 1000) n;
  insert into sessions (user_id, token, previous_token, transport, factor_at, expires_at, created_at)
    select id, gen_random_uuid()::text, gen_random_uuid()::text, 'TOKEN', now(), now() + n * random() * interval '1 day', now() - n * interval '1 hour'
    from users, generate_series(1, 3) n;
  insert into events (kind, user_id, created_at)
    select 'login', id, now() - n * random() * interval '10 days' from users, generate_series(1, 4) n;
  insert into verification (identifier, value, user_id, purpose, expires_at)
    select gen_random_uuid()::text, email, id, purpose, now() + random() * interval '1 day'
    from users, unnest(enum_range(null::token_purpose)) purpose;
  insert into mail_outbox (kind, recipient, user_id, status, created_at, expires_at)
    select 'verify-email', email, id, 'SENT', now() - n * random() * interval '3 days', now()
    from users, generate_series(1, 3) n;
  insert into places (user_id, place, signed_in_at, seen_at)
    select id, 'n:192.0.2.' || n, now(), now() - n * random() * interval '10 days' from users, generate_series(1, 3) n;
  insert into registrations (id, user_id, password, profile, created_at)
    select gen_random_uuid(), id, 'x', '{}', now() - random() * interval '1 day' from users, generate_series(1, 2);
  insert into factors (user_id, kind, secret, removed_at)
    select id, 'TOTP', 'x', case when n > 1 then now() - random() * interval '1 day' end from users, generate_series(1, 3) n;
  insert into recovery_codes (user_id, hash) select id, gen_random_uuid()::text from users, generate_series(1, 3);
  insert into challenges (id, purpose, user_id, session_id, expires_at)
    select gen_random_uuid(), 'TOTP_ENROLLMENT', user_id, id, now() + random() * interval '1 hour' from sessions;
  insert into revocations (kind, subject, at) select 'ENDED', id, now() - random() * interval '1 hour' from sessions;
  insert into throttle (key, points, expire)
    select gen_random_uuid()::text, 1, now() + random() * interval '1 hour' from generate_series(1, 20000);
  insert into webhook_events (type, user_id, data, at)
    select 'session.started', id, '{}', now() - random() * interval '2 days' from users, generate_series(1, 3);
  insert into webhooks (id, url, secrets, disabled_at)
    select gen_random_uuid(), 'https://example.com', 'x', now() from generate_series(1, 3);
  -- Keeps events for readers, so that the triggers write them.
  insert into webhooks (id, secrets) values (gen_random_uuid(), 'x');
  insert into webhook_deliveries (webhook_id, event_id, user_id, status)
    select webhooks.id, e.id, e.user_id, case e.id % 10 when 0 then 'FAILED' when 1 then 'PENDING' else 'DELIVERED' end::delivery_status
    from webhook_events e, webhooks where url is not null;
  insert into sessions (user_id, token, transport, factor_at, expires_at)
    select id, gen_random_uuid()::text, 'TOKEN', now(), now() - interval '2 days' from users limit 50;
  insert into events (kind, created_at) select 'login', now() - interval '200 days' from generate_series(1, 50);
  insert into verification (identifier, value, user_id, purpose, expires_at)
    select gen_random_uuid()::text, email, id, 'PASSWORD_RESET', now() from users limit 50;
  insert into mail_outbox (kind, recipient, status, created_at, expires_at)
    select 'verify-email', 'x', 'SENT', now() - interval '9 days', now() from generate_series(1, 50);
  insert into throttle (key, points, expire) select 'spent ' || n, 1, now() from generate_series(1, 50) n;
  analyze;`

const loaded = useDatabase()
beforeAll(async () => {
  await loaded.sql.unsafe(LOAD)
  // PostgreSQL copies only a database without connections.
  await loaded.sql.end()
})

describe.each(['force_custom_plan', 'force_generic_plan'])('with %s', (planning) => {
  const server = useServerWithMail({ THROTTLE: 'on' }, { hasProxy: true, template: () => loaded.name })
  const explained: Explained[] = []

  beforeAll(async () => {
    // PostgreSQL then reports its plan of each statement, those of triggers and cascades too. The setting that switches it on
    // is the last, since a connection that is made meanwhile would report in another format.
    const [database] = await server.sql`select current_database() as name`
    for (const setting of [
      "auto_explain.log_level = 'notice'",
      "auto_explain.log_format = 'json'",
      'auto_explain.log_nested_statements = on',
      `plan_cache_mode = '${planning}'`,
      'auto_explain.log_min_duration = 0',
      "session_preload_libraries = 'auto_explain'",
    ]) {
      await server.sql.unsafe(`alter database ${database?.name} set ${setting}`)
    }
    server.proxy.hearNotices((text) => {
      const plan = /^duration: .* plan:\n(.*)$/s.exec(text)?.[1]
      if (plan) explained.push(JSON.parse(plan))
    })
    await server.restart()
  })

  test('no request reads a growing table by a sequential scan', async () => {
    explained.length = 0

    await useEverything(server)

    const tables = explained.flatMap(({ Plan }) => nodesOf(Plan)).map((node) => node['Relation Name'])
    expect(new Set(tables.filter((name) => name && !name.startsWith('pg_')))).toEqual(
      new Set([
        'users',
        'sessions',
        'places',
        'registrations',
        'factors',
        'recovery_codes',
        'challenges',
        'revocations',
        'events',
        'verification',
        'mail_outbox',
        'throttle',
        'jwks',
        'webhooks',
        'webhook_events',
        'webhook_deliveries',
      ]),
    )
    expect(findScans(explained)).toEqual([])
  })

  test('an administrator reads and replays deliveries by an index', async () => {
    const { key } = await insertServiceKey(server.sql, ['webhooks:read', 'webhooks:write'])
    const [webhook] = await server.sql`select id from webhooks where url is not null`
    const webhookId = webhook?.id
    const since = new Date(Date.now() - 3_600_000).toISOString()
    const call = async (name: Operation, input: object) =>
      (await server.client().call(name, input, { bearer: key })).code
    explained.length = 0

    const codes = [
      await call('webhookDeliveries', { count: true }),
      await call('webhookDeliveries', { webhookId, count: true }),
      await call('webhookDeliveries', { status: 'FAILED', count: true }),
      await call('webhookDeliveries', { webhookId, status: 'PENDING' }),
      await call('replayDeliveries', { webhookId }),
      await call('replayDeliveries', { webhookId, since }),
    ]

    expect(codes).toEqual(Array(codes.length).fill(undefined))
    // The keys of services are read as a whole, into memory.
    expect(findScans(explained).filter((scan) => !scan.startsWith('service_keys'))).toEqual([])
  })

  test('housekeeping finds expired rows by an index', async () => {
    explained.length = 0

    await clearAway(server.env.DATABASE_URL, { eventDays: 90, maxEventRows: 100 })

    const purges = explained.filter((statement) => /^\s*delete/.test(statement['Query Text']))
    expect(purges.length).toBeGreaterThanOrEqual(5)
    expect(findScans(explained)).toEqual([])
    expect(await server.sql`select from sessions where expires_at < now() - interval '1 day'`).toHaveLength(0)
  })
})

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

/** The statements that read a table by a sequential scan. */
function findScans(statements: Explained[]) {
  return statements.flatMap((statement) =>
    nodesOf(statement.Plan)
      .filter((node) => node['Node Type'] === 'Seq Scan' && !SMALL.test(node['Relation Name'] ?? ''))
      .map((node) => `${node['Relation Name']}: ${statement['Query Text']}`),
  )
}

/** Calls every operation, by both transports. */
async function useEverything({ client, mailbox }: ServerWithMail) {
  for (const transport of ['TOKEN', 'COOKIE'] as const) {
    const person = account()
    const moved = account().email
    const mine = client('REST', transport)
    const stranger = client('REST', transport)
    const expectDone = async (answer: Promise<{ data: unknown }>) =>
      expect((await answer).data).not.toBeNull()

    await expectDone(mine.register(person))
    const token = await mailbox.token(person.email, /Verify/)
    await expectDone(stranger.call('verifyEmail', { token, password: person.password }))
    await expectDone(mine.call('requestPasswordReset', { email: account().email }))
    await stranger.login({ ...person, password: 'not the password' })
    await stranger.login({ ...person, email: account().email })
    await expectDone(stranger.login(person))
    await expectDone(mine.me())
    await expectDone(mine.refresh())
    await expectDone(mine.refresh())
    await expectDone(mine.updateMe({ username: 'Ada' }))
    await expectDone(mine.events())
    const { data: sessions } = await mine.sessions()
    const other = sessions?.find(({ current }) => !current)
    await expectDone(mine.revokeSession(String(other?.id)))
    await expectDone(mine.revokeOtherSessions())
    const newPassword = 'another long enough phrase'
    await expectDone(mine.changePassword({ currentPassword: person.password, newPassword }))
    await expectDone(mine.updateMe({ email: moved, currentPassword: newPassword }))
    await expectDone(
      stranger.call('verifyEmail', { token: await mailbox.token(moved, /Confirm/), password: newPassword }),
    )
    const undo = await mailbox.mail(person.email, /address of your account was changed/)
    await expectDone(stranger.call('requestPasswordReset', { email: moved }))
    const reset = await mailbox.mail(moved, /Reset/)
    await expectDone(stranger.call('resetPassword', { token: reset.token, newPassword: person.password }))
    await expectDone(stranger.call('undoEmailChange', { token: undo.token, newPassword: person.password }))
    await expectDone(stranger.login(person))
    await expectDone(stranger.call('requestEmailVerification'))
    await expectDone(stranger.logout())
    await expectDone(stranger.login(person))
    await expectDone(stranger.deleteMe({ password: person.password }))
  }
}
