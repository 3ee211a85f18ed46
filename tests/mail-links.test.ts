import { describe, expect, test } from 'vitest'
import { ADAPTERS, type Adapter, account, from } from './support/client.ts'
import { drainOutbox, hurryRetries, mailStates, passTime } from './support/outbox.ts'
import { BEHIND_PROXY, startServerWithMail, useServerWithMail } from './support/server.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>

/** Each client comes from a network of its own, which a trusted proxy reports. */
const settings = { THROTTLE: 'on', ...BEHIND_PROXY }
const HOME = '198.51.100.1'
let networks = 0
const elsewhere = () => `203.0.${Math.floor(++networks / 250)}.${(networks % 250) + 1}`

/** An account that signed in from `HOME`, and whose mailbox has had no mail within the last hour. */
async function knownAtHome(server: Server, verified: boolean) {
  const input = account()
  const client = server.client('REST', 'COOKIE')
  await client.call('register', { ...input, transport: 'COOKIE' }, from(HOME))
  if (verified) await server.sql`update users set email_verified = true where email = ${input.email}`
  const { data, headers } = await client.call(
    'login',
    { ...input, transport: 'COOKIE' },
    { cookie: null, ...from(HOME) },
  )
  await drainOutbox(server)
  await forgetMails(server, input.email)
  const device =
    headers
      .getSetCookie()
      .find((cookie) => cookie.includes('-device='))
      ?.split(';')[0] ?? ''
  return { ...input, userId: data?.user.id ?? '', device }
}

async function forgetMails(server: Server, email: string) {
  await server.sql`delete from mail_outbox where recipient = ${email}`
  await server.sql`delete from verification where value = ${email}`
  server.mailbox.received.length = 0
}

/** Asks for a mail and waits until the worker has decided. */
async function ask(
  server: Server,
  operation: 'requestPasswordReset' | 'requestEmailVerification',
  email: string,
  address = elsewhere(),
  { adapter = 'REST' as Adapter, cookie = null as string | null } = {},
) {
  const answer = await server
    .client(adapter, 'TOKEN')
    .call(operation, { email }, { cookie, ...from(address) })
  await drainOutbox(server)
  return answer
}

/** Asks for many mails at once, each from its own network unless one is given. */
async function askAll(
  server: Server,
  operation: 'requestPasswordReset' | 'requestEmailVerification',
  emails: string[],
  address?: string,
) {
  const answers = await Promise.all(
    emails.map((email) =>
      server
        .client('REST', 'TOKEN')
        .call(operation, { email }, { cookie: null, ...from(address ?? elsewhere()) }),
    ),
  )
  await drainOutbox(server)
  return answers
}

const tokens = (server: Server, email: string) =>
  server.mailbox.received.filter(({ to }) => to === email).map(({ token }) => token)

describe.each(['false', 'true'])('with REQUIRE_EMAIL_VERIFICATION=%s', (REQUIRE_EMAIL_VERIFICATION) => {
  const server = useServerWithMail({ ...settings, REQUIRE_EMAIL_VERIFICATION })

  test('a request always sends a link if none is live', async () => {
    const { email } = await knownAtHome(server, true)

    for (let round = 0; round < 3; round++) {
      await ask(server, 'requestPasswordReset', email)
      await server.sql`update verification set expires_at = now() where value = ${email}`
    }

    expect(new Set(tokens(server, email)).size).toBe(3)
  })

  test('while a link is live, strangers together get it sent once more', async () => {
    const { email } = await knownAtHome(server, true)

    const answers = await askAll(server, 'requestPasswordReset', Array(20).fill(email))

    const [first, ...others] = tokens(server, email)
    expect(others).toEqual([first])
    expect((await mailStates(server, email)).filter((status) => status === 'SENT')).toHaveLength(2)
    expect(await mailStates(server, email)).toContain('SKIPPED')
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202))
  })

  test.each(['network', 'browser'])(
    'a known %s gets the live link again once in five minutes',
    async (place) => {
      const { email, device } = await knownAtHome(server, true)
      const askAtHome = () =>
        place === 'network'
          ? ask(server, 'requestPasswordReset', email, HOME)
          : ask(server, 'requestPasswordReset', email, elsewhere(), { cookie: device })
      const counts = []

      await askAll(server, 'requestPasswordReset', Array(4).fill(email))
      for (const minutes of [0, 0, 4, 2]) {
        await passTime(server, minutes)
        await askAtHome()
        counts.push(tokens(server, email).length)
      }

      expect(counts).toEqual([3, 3, 3, 4])
      const [token = '', ...others] = tokens(server, email)
      expect(new Set(others)).toEqual(new Set([token]))
      const reset = { token, newPassword: 'another phrase' }
      expect((await server.client('REST', 'TOKEN').call('resetPassword', reset)).data).toBe(true)
    },
  )

  test('a link that is sent again says how long it is still valid', async () => {
    const { email } = await knownAtHome(server, true)
    await ask(server, 'requestPasswordReset', email)
    await passTime(server, 12)

    await ask(server, 'requestPasswordReset', email, HOME)

    const texts = server.mailbox.to(email).map(({ text }) => /valid for [^.]+/.exec(text)?.[0])
    expect(texts).toEqual(['valid for 15 minutes', 'valid for 3 minutes'])
  })

  test('a place that was known ninety days ago is unknown', async () => {
    const { email, userId } = await knownAtHome(server, true)
    await server.sql`update places set signed_in_at = now() - interval '91 days' where user_id = ${userId}`

    await askAll(server, 'requestPasswordReset', Array(4).fill(email), HOME)

    expect(tokens(server, email)).toHaveLength(2)
  })

  test('a mailbox gets at most eight mails with a link an hour, and more in the next hour', async () => {
    const { email } = await knownAtHome(server, false)
    const askForNew = async () => {
      await askAll(server, 'requestPasswordReset', [email], HOME)
      await askAll(server, 'requestEmailVerification', [email], HOME)
      await server.sql`
        update verification set expires_at = now() where value = ${email} and purpose = 'EMAIL_VERIFICATION'`
    }

    for (let round = 0; round < 8; round++) await askForNew()
    const sent = tokens(server, email).length
    await passTime(server, 61)
    await askForNew()

    expect(sent).toBe(8)
    expect(tokens(server, email)).toHaveLength(10)
  })

  test('requests for an address without an account do not count against a mailbox', async () => {
    const input = account()
    await askAll(server, 'requestPasswordReset', Array(12).fill(input.email))
    await askAll(server, 'requestEmailVerification', Array(12).fill(input.email))
    expect(tokens(server, input.email)).toEqual([])
    expect(new Set(await mailStates(server, input.email))).toEqual(new Set(['SKIPPED']))

    await server.client('REST', 'TOKEN').call('register', { ...input, transport: 'TOKEN' }, from(HOME))
    await server.mailbox.mail(input.email, /Verify/)
    for (let round = 0; round < 7; round++) {
      await ask(server, 'requestPasswordReset', input.email, HOME)
      await server.sql`update verification set expires_at = now() where purpose = 'PASSWORD_RESET'`
    }

    expect(tokens(server, input.email)).toHaveLength(8)
  })
})

test('strangers who ask all the time leave the mailbox a live link, or the next request sends one', async () => {
  const server = await startServerWithMail(settings)
  const { email } = await knownAtHome(server, false)

  for (let minute = 0; minute < 90; minute += 5) {
    await askAll(server, 'requestPasswordReset', [email, email])
    await askAll(server, 'requestEmailVerification', [email, email])
    const live =
      await server.sql`select purpose from verification where value = ${email} and expires_at > now()`
    expect(live.map(({ purpose }) => purpose).sort()).toEqual(['EMAIL_VERIFICATION', 'PASSWORD_RESET'])
    const [row] = await server.sql`
      select count(*)::int as sent from mail_outbox
      where status = 'SENT' and next_attempt_at > now() - interval '1 hour'`
    expect(row?.sent).toBeLessThanOrEqual(8)
    await passTime(server, 5)
  }
})

test.each(ADAPTERS)(
  'by %s strangers and unknown addresses get the same answer as the owner',
  async (adapter) => {
    const server = await startServerWithMail(settings)
    const { email } = await knownAtHome(server, true)
    const asked = []
    for (const [to, address] of [
      [email, HOME],
      [email, HOME],
      [email, elsewhere()],
      [email, elsewhere()],
      [account().email, HOME],
    ] as const) {
      const { headers, ...answer } = await ask(server, 'requestPasswordReset', to, address, { adapter })
      asked.push({ ...answer, names: [...headers.keys()].sort() })
    }

    expect(tokens(server, email)).toHaveLength(3)
    for (const answer of asked) expect(answer).toEqual(asked[0])
  },
)

test('the limit of a mailbox is a setting', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=2/60' })
  const { email } = await knownAtHome(server, true)
  const askForNew = async () => {
    await server.sql`update verification set expires_at = now()`
    await ask(server, 'requestPasswordReset', email)
  }

  for (let round = 0; round < 4; round++) await askForNew()
  const within = tokens(server, email).length
  await passTime(server, 2)
  await askForNew()

  expect([within, tokens(server, email).length]).toEqual([2, 3])
})

test('with THROTTLE=off each request sends the link that is live', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE: 'off' })
  const { email } = await knownAtHome(server, true)

  await askAll(server, 'requestPasswordReset', Array(10).fill(email))

  expect(tokens(server, email)).toHaveLength(10)
  expect(new Set(tokens(server, email)).size).toBe(1)
})

test('requests that send no mail take few rows', async () => {
  const server = await startServerWithMail(settings)
  const email = account().email

  for (let round = 0; round < 3; round++) {
    await askAll(server, 'requestPasswordReset', Array(20).fill(email))
  }

  expect((await mailStates(server, email)).length).toBeLessThan(20)
})

describe('while the mail server is away', () => {
  test('a link that expires before its second mail goes out is replaced', async () => {
    const server = await startServerWithMail(settings)
    const { email } = await knownAtHome(server, true)
    server.mailbox.misbehave({ code: 451 })
    const request = () => server.client('REST', 'TOKEN').call('requestPasswordReset', { email }, from(HOME))
    // A worker holds a mail for a minute while it tries to send it. Afterwards the mail waits for some seconds.
    const refused = async (mails: number) =>
      expect
        .poll(async () => {
          const rows = await server.sql`select from mail_outbox
            where attempts > 0 and next_attempt_at < now() + interval '40 seconds'`
          return rows.length
        })
        .toBe(mails)
    await request()
    await refused(1)
    await passTime(server, 14)
    await request()
    await refused(2)

    await passTime(server, 2)
    server.mailbox.misbehave(undefined)
    await hurryRetries(server)
    const { token } = await server.mailbox.mail(email, /Reset/)
    await drainOutbox(server)

    expect((await mailStates(server, email)).sort()).toEqual(['FAILED', 'SENT'])
    const reset = await server
      .client('REST', 'TOKEN')
      .call('resetPassword', { token, newPassword: 'another phrase' })
    expect(reset.data).toBe(true)
  })

  test('mails that wait for the mail server count against the limit of the mailbox', async () => {
    const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=2/3600' })
    const { email } = await knownAtHome(server, true)
    server.mailbox.misbehave({ code: 451 })
    for (let round = 0; round < 5; round++) {
      await server.client('REST', 'TOKEN').call('requestPasswordReset', { email }, from(HOME))
      // The worker has decided about the mail, and its link is stored.
      await expect
        .poll(() =>
          server.sql`select from mail_outbox where status = 'PENDING' and not token_made`.then(
            (rows) => rows.length,
          ),
        )
        .toBe(0)
      await server.sql`update verification set expires_at = now()`
    }

    server.mailbox.misbehave(undefined)
    await hurryRetries(server)
    await drainOutbox(server)

    expect(tokens(server, email)).toHaveLength(2)
  })
})

test('an account whose mailbox was never proven cannot fill it with notices that have a link', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=2/3600' })
  const counts = []
  for (const verified of [false, true]) {
    const { email, password } = await knownAtHome(server, verified)
    for (let count = 0; count < 4; count++) {
      await server.client('REST', 'TOKEN').call('login', { email, password }, from(elsewhere()))
      await drainOutbox(server)
    }
    counts.push(server.mailbox.to(email).filter(({ subject }) => /New sign-in/.test(subject)).length)
    await ask(server, 'requestPasswordReset', email)
    expect(server.mailbox.to(email).at(-1)?.subject).toMatch(/Reset/)
  }

  expect(counts).toEqual([2, 4])
})

test('a stranger who registers an address and deletes the account again keeps no link from the mailbox', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=2/3600' })
  const { email } = account()
  for (let round = 0; round < 3; round++) {
    const stranger = server.client('REST', 'COOKIE')
    await stranger.register({ email, password: 'the password of a stranger' })
    await drainOutbox(server)
    if (round < 2) expect((await stranger.deleteMe()).code).toBeUndefined()
  }
  expect(server.mailbox.to(email)).toHaveLength(2)

  for (let round = 0; round < 2; round++) await ask(server, 'requestPasswordReset', email)
  const token = server.mailbox.to(email).at(-1)?.token
  const reset = await server.client().call('resetPassword', { token, newPassword: 'a phrase of the owner' })

  expect(reset.code).toBeUndefined()
  expect(server.mailbox.to(email).filter(({ subject }) => /Reset/.test(subject))).toHaveLength(1)
})

test('strangers whose accounts hand an address around keep no link from its mailbox', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=2/3600' })
  const { email } = account()
  const strangers = [server.client('REST', 'COOKIE'), server.client('REST', 'COOKIE')]
  for (const stranger of strangers) await stranger.register(account())
  for (const stranger of strangers) {
    expect((await stranger.call('updateMe', { email })).code).toBeUndefined()
    await ask(server, 'requestPasswordReset', email)
    expect(server.mailbox.to(email).at(-1)?.subject).toMatch(/Reset/)
    if (stranger === strangers[0]) await stranger.call('updateMe', { email: account().email })
  }

  const token = server.mailbox.to(email).at(-1)?.token
  const reset = await server.client().call('resetPassword', { token, newPassword: 'a phrase of the owner' })

  expect(reset.code).toBeUndefined()
  expect(server.mailbox.to(email).filter(({ subject }) => /Reset/.test(subject))).toHaveLength(2)
})

test('a reset that the server itself mails to the owner is sent although the mailbox is over its limit', async () => {
  const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=1/3600' })
  const { email, userId } = await knownAtHome(server, true)
  for (let round = 0; round < 3; round++) await ask(server, 'requestPasswordReset', email, HOME)
  expect(tokens(server, email)).toHaveLength(1)

  await server.sql`
    insert into mail_outbox (kind, recipient, user_id, expires_at)
    values ('password-reset', ${email}, ${userId}, now() + interval '15 minutes')`
  await drainOutbox(server)

  expect(tokens(server, email)).toHaveLength(2)
})

describe('the mails of registrations that wait for verification', () => {
  async function register(userId: string, email: string, address: string) {
    const id = crypto.randomUUID()
    await server.sql.begin(async (sql) => {
      await sql`
        insert into mail_outbox (id, kind, recipient, user_id, network, expires_at)
        values (${id}, 'email-verification', ${email}, ${userId}, ${`n:${address}`}, now() + interval '1 hour')`
      await sql`insert into registrations (id, user_id, password, profile) values (${id}, ${userId}, 'hash', '{}')`
    })
  }
  async function unverified() {
    const input = account()
    await server.client('REST', 'TOKEN').register(input)
    await drainOutbox(server)
    await forgetMails(server, input.email)
    const [user] = await server.sql`select id from users where email = ${input.email}`
    return { ...input, userId: user?.id as string }
  }
  const server = useServerWithMail({ ...settings, REQUIRE_EMAIL_VERIFICATION: 'true' })

  test('each mail of a waiting registration has a link, and all of the links are live', async () => {
    const { email, userId } = await unverified()

    for (let round = 0; round < 10; round++) await register(userId, email, elsewhere())
    await drainOutbox(server)

    expect(new Set(tokens(server, email)).size).toBe(8)
    const live = await server.sql`
      select from verification join registrations using (id) where expires_at > now() and value = ${email}`
    expect(live).toHaveLength(8)
  })

  test('a request sends the link of its own place again, and not the link of a stranger', async () => {
    const { email, userId } = await unverified()
    for (const address of [HOME, elsewhere()]) {
      await register(userId, email, address)
      await drainOutbox(server)
    }

    await ask(server, 'requestEmailVerification', email, HOME)

    const [own, strangers, again] = tokens(server, email)
    expect(own).not.toBe(strangers)
    expect(again).toBe(own)
  })

  test('no mail of a waiting registration is sent once the address is verified', async () => {
    const { email, userId } = await unverified()
    await server.sql`update users set email_verified = true where id = ${userId}`

    await register(userId, email, HOME)
    await drainOutbox(server)

    expect(await mailStates(server, email)).toEqual(['SKIPPED'])
  })
})

describe('a pending change of address', () => {
  test('a pending change of address is mailed again with the same link, and its mails are counted apart', async () => {
    const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=4/3600' })
    const { email, password } = await knownAtHome(server, true)
    const client = server.client('REST', 'TOKEN')
    await client.call('login', { email, password, transport: 'TOKEN' }, from(HOME))
    const newEmail = account().email
    await client.call('updateMe', { email: newEmail, currentPassword: password }, from(HOME))
    await drainOutbox(server)

    for (let round = 0; round < 3; round++) {
      await client.call('requestEmailVerification', undefined, from(HOME))
      await drainOutbox(server)
    }

    const [first, ...others] = tokens(server, newEmail)
    expect(others).toEqual([first])
    for (let round = 0; round < 4; round++) {
      await ask(server, 'requestPasswordReset', email, HOME)
      await server.sql`update verification set expires_at = now() where value = ${email}`
    }
    const resets = server.mailbox.received.filter(({ to, subject }) => to === email && /Reset/.test(subject))
    expect(resets).toHaveLength(4)
  })

  test('strangers who ask to change to the new address of an owner do not use up its mails', async () => {
    const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'linkMailPerMailbox=3/3600' })
    const newEmail = account().email
    /** A change as often as given, and how many mails it sends to the new mailbox. */
    async function change(times: number) {
      const { email, password } = await knownAtHome(server, true)
      const client = server.client('REST', 'TOKEN')
      await client.call('login', { email, password, transport: 'TOKEN' }, from(HOME))
      for (let count = 0; count < times; count++) {
        await client.call('updateMe', { email: newEmail, currentPassword: password }, from(HOME))
        await drainOutbox(server)
        if (count + 1 < times) await client.call('updateMe', { email }, from(HOME))
      }
      return tokens(server, newEmail).length
    }

    expect(await change(4)).toBe(3)

    expect(await change(2)).toBe(1)
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, status, expires_at, next_attempt_at)
      select 'email-change', ${newEmail}, gen_random_uuid(), 'SENT', now() + interval '1 hour', now()
      from generate_series(1, ${8 * 3 - 4}::int)`
    expect(await change(1)).toBe(0)
  })
})
