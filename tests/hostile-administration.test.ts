import { expect, test } from 'vitest'
import { registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, type Operation } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()

const NUL = 'a\0b'
const MOMENTS = [
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:00',
  `2026-01-01T00:00:00.${'1'.repeat(300)}Z`,
  '2026-02-30T00:00:00Z',
  '2026-01-01T00:00:00+23:00',
]
const KEYS = ['0000-01-01 00:00:00+00', '999999-01-01 00:00:00+00', '2026-02-30 00:00:00+00', 'now', NUL]
const cursor = (part: string, key: string) =>
  Buffer.from(JSON.stringify([part, key, crypto.randomUUID()])).toString('base64url')

const LISTS = [
  ['users', 'newest'],
  ['auditEvents', 'event'],
  ['mails', 'mail'],
  ['webhookDeliveries', 'delivery'],
] as const

test.each(ADAPTERS)('nothing that an administrator sends by %s is a fault of the server', async (adapter) => {
  const { client, user } = await registerAdministrator(server, ['admin'], adapter)
  // Over REST, the fields of the filter are beside the others.
  const by = (filter: object) => (adapter === 'REST' ? filter : { filter })
  const inputs: [Operation, object][] = [
    ...MOMENTS.flatMap((time): [Operation, object][] => [
      ['users', by({ createdAfter: time, createdBefore: time })],
      ['auditEvents', by({ since: time, until: time })],
      ['createServiceKey', { name: 'orders', scopes: ['users:read'], expiresAt: time }],
    ]),
    ...LISTS.flatMap(([name, part]) =>
      KEYS.map((key): [Operation, object] => [name, { after: cursor(part, key) }]),
    ),
    ['users', { search: NUL }],
    ['users', by({ role: NUL })],
    ['mails', by({ recipient: NUL })],
    ['auditEvents', by({ kind: NUL })],
    ['inviteUser', { email: `${NUL}@example.com` }],
    ['setUserClaims', { id: user.id, claims: { plan: NUL } }],
    ['setUserClaims', { id: user.id, claims: { name: 'é'.repeat(1024) } }],
    // JavaScript reads it as ...992, which may be the id of something else.
    ['setUserClaims', { id: user.id, claims: { tenant: { ids: [2 ** 53] } } }],
    ['putRole', { name: 'support', permissions: [NUL] }],
    ['putWebhook', { url: `https://${NUL}.example.com/` }],
    ['putWebhook', { url: 'https://93.184.216.34/', secret: NUL }],
    ['webhookDeliveries', by({ webhookId: NUL })],
    ['replayDeliveries', { webhookId: crypto.randomUUID(), since: '9999-12-31T23:59:59-23:00' }],
    ...[
      'user',
      'loginWaits',
      'retryMail',
      'revokeServiceKey',
      'deleteUser',
      'deleteWebhook',
      'testWebhook',
    ].map((name): [Operation, object] => [name as Operation, { id: NUL }]),
  ]

  const wrong: string[] = []
  for (const [name, input] of inputs) {
    const { code = 'no refusal' } = await client.call(name, input)
    // An offset and any number of digits are valid ISO 8601.
    const isValid = /\+23:00|1{300}/.test(JSON.stringify(input)) && code === 'no refusal'
    if (code !== 'INVALID_INPUT' && !isValid) wrong.push(`${name} ${JSON.stringify(input)}: ${code}`)
  }

  expect(wrong).toEqual([])
})

test.each(ADAPTERS)(
  'the id of an imported account, of whatever version, is taken everywhere by %s',
  async (adapter) => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser()
    const id = `00000000-0000-0000-0000-${adapter === 'REST' ? '00000000000a' : '00000000000b'}`
    await server.sql`insert into users (id, email, password) values (${id}, ${`${adapter}-imported@example.com`}, 'x')`
    await server.sql`insert into events (kind, user_id, actor_id) values ('account_disabled', ${user.id}, ${id})`
    const by = (filter: object) => (adapter === 'REST' ? filter : { filter })

    const found = await client.call('user', { id: id.toUpperCase() })
    await client.call('disableUser', { id })
    const about = await client.call('auditEvents', by({ userId: id }))
    const acts = await client.call('auditEvents', by({ actorId: id.toUpperCase() }))

    expect(found.data?.id).toBe(id)
    expect(about.data?.edges.map(({ node }) => node.userId)).toEqual([id])
    expect(acts.data?.edges.map(({ node }) => node.actorId)).toEqual([id])
  },
)
