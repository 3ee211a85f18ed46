import { describe, expect, test } from 'vitest'
import { enrollTotp, forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, type Adapter } from './support/client.ts'
import { clearAway } from './support/housekeeping.ts'
import { drainOutbox } from './support/outbox.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()
const HOUR_MS = 3600_000

const passWait = (userId: string) =>
  server.sql.begin(async (tx) => {
    await tx`update users set factor_recovery_at = factor_recovery_at - interval '72 hours' where id = ${userId}`
    await tx`
    update mail_outbox set next_attempt_at = next_attempt_at - interval '72 hours'
    where user_id = ${userId} and status = 'PENDING' and kind = 'factor-recovery'`
  })

async function registerVerified(adapter?: Adapter) {
  const person = await server.registerVerifiedUser(adapter)
  return { ...person, ...(await enrollTotp(person.client)) }
}

async function startRecovery(adapter?: Adapter, isVerified = false) {
  const person = isVerified ? await registerVerified(adapter) : await registerWithTotp(server, adapter)
  const stranger = server.client(adapter)
  const { challenge } = await stranger.login(person.input)
  const started = await stranger.call('requestFactorRecovery', { challenge: challenge?.id })
  const complete = async (recoveryToken: string) => {
    const fresh = await stranger.login(person.input)
    return stranger.completeLogin(fresh.challenge?.id, { recoveryToken })
  }
  return { ...person, stranger, started, complete }
}

describe.each(ADAPTERS)('lost factors by %s', (adapter) => {
  test('password, mailbox and the wait replace lost factors', async () => {
    const { client, input, user, stranger, started, complete } = await startRecovery(adapter)
    const { text } = await server.mailbox.mail(input.email, /about to be replaced/)
    const events = await client.events()
    await passWait(user.id)
    const token = await server.mailbox.token(input.email, /without your second factors/)

    const recovered = await complete(token)
    const again = await server.client(adapter).login(input)

    expect(Date.parse(started.data?.endsAt ?? '') - Date.now()).toBeGreaterThan(71 * 3600_000)
    expect(text).toMatch(/sign in with a second factor or a recovery code now/)
    expect(events.data?.map(({ kind }) => kind)).toContain('factor_recovery_started')
    expect(recovered.data?.session).toMatchObject({ acr: 'aal1', amr: ['pwd'] })
    expect((await client.me()).code).toBe('UNAUTHENTICATED')
    expect((await stranger.factors()).data).toEqual([])
    expect(again.data?.session.acr).toBe('aal1')
    await server.mailbox.mail(input.email, /were removed/)
  })

  test('a challenge of a password that was locked since starts no recovery', async () => {
    const { input, user } = await registerWithTotp(server, adapter)
    const stranger = server.client(adapter)
    const { challenge } = await stranger.login(input)
    await server.sql`update users set password_locked_at = now() where id = ${user.id}`

    const started = await stranger.call('requestFactorRecovery', { challenge: challenge?.id })

    expect(started.code).toBe('INVALID_TOKEN')
  })

  test('a sign-in with a factor, or a step-up with one, ends a recovery for good', async () => {
    for (const stop of ['sign-in', 'step-up']) {
      const { client, input, user, authenticator, complete } = await startRecovery(adapter)
      await passWait(user.id)
      const token = await server.mailbox.token(input.email, /without your second factors/)
      await forgetUsedCodes(server)
      const totp = authenticator.code()
      const stopped =
        stop === 'step-up'
          ? await client.stepUp({ proof: { totp } })
          : await client.completeLogin((await client.login(input)).challenge?.id, { totp })

      expect(stopped.data?.session.acr).toBe('aal2')
      expect((await complete(token)).code).toBe('INVALID_CREDENTIALS')
      expect((await client.factors()).data).toHaveLength(1)
    }
  })
})

test('the link of a recovery that was ended completes no later one', async () => {
  const { client, input, user, stranger, authenticator, complete } = await startRecovery()
  await passWait(user.id)
  const token = await server.mailbox.token(input.email, /without your second factors/)
  await forgetUsedCodes(server)
  await client.stepUp({ proof: { totp: authenticator.code() } })
  const { challenge } = await stranger.login(input)
  await stranger.call('requestFactorRecovery', { challenge: challenge?.id })
  await passWait(user.id)
  const later = await server.mailbox.token(input.email, /without your second factors/, 2)

  expect((await complete(token)).code).toBe('INVALID_CREDENTIALS')
  expect((await complete(later)).data?.session.acr).toBe('aal1')
})

test('the sessions that a recovery ends are refused at once, without a notification', async () => {
  const { client, input, user, complete } = await startRecovery()
  await passWait(user.id)
  const token = await server.mailbox.token(input.email, /without your second factors/)
  expect((await client.me()).data?.email).toBe(input.email)

  await server.sql`alter table sessions disable trigger user`
  await server.sql`alter table users disable trigger user`
  await complete(token)
  await server.sql`alter table users enable trigger user`
  await server.sql`alter table sessions enable trigger user`

  expect((await client.me()).reason).toBe('REVOKED')
})

test('before the wait is over no link is mailed, and a second request does not restart the wait', async () => {
  const { input, user, stranger, started } = await startRecovery()
  await server.mailbox.mail(input.email, /about to be replaced/)

  const { challenge } = await stranger.login(input)
  const again = await stranger.call('requestFactorRecovery', { challenge: challenge?.id })

  expect(again.data).toEqual(started.data)
  const [mail] = await server.sql`
    select next_attempt_at > now() + interval '71 hours' as waits from mail_outbox
    where user_id = ${user.id} and kind = 'factor-recovery'`
  expect(mail?.waits).toBe(true)
})

test('a recovery whose link has expired starts again', async () => {
  const { input, user, stranger } = await startRecovery()
  const passAll = async () => {
    await passWait(user.id)
    await server.sql`
      update mail_outbox set expires_at = expires_at - interval '145 hours' where user_id = ${user.id}`
    await server.sql`
      update verification set expires_at = expires_at - interval '145 hours' where user_id = ${user.id}`
  }
  const start = async () => {
    const { challenge } = await stranger.login(input)
    return stranger.call('requestFactorRecovery', { challenge: challenge?.id })
  }

  for (const isMailed of [false, true]) {
    if (isMailed) {
      await passWait(user.id)
      await server.mailbox.mail(input.email, /without your second factors/)
    }
    await passAll()
    const endsAt = Date.parse((await start()).data?.endsAt ?? '')
    expect([isMailed, endsAt > Date.now() + 71 * HOUR_MS]).toEqual([isMailed, true])
  }

  await passWait(user.id)
  const token = await server.mailbox.token(input.email, /without your second factors/, 2)
  const { challenge } = await stranger.login(input)
  expect((await stranger.completeLogin(challenge?.id, { recoveryToken: token })).data?.session.acr).toBe(
    'aal1',
  )
})

test.each(['mailed before', 'mailed meanwhile'])(
  'a recovery does not outlast the time in which its owner was disabled: %s',
  async (when) => {
    for (const end of ['suspension', 'disabling']) {
      const { input, user, authenticator, complete } = await startRecovery()
      const readLink = () => server.mailbox.token(input.email, /without your second factors/)
      if (when === 'mailed before') {
        await passWait(user.id)
        await readLink()
      }
      const until = end === 'suspension' ? ` --until ${new Date(Date.now() + HOUR_MS).toISOString()}` : ''
      await server.command(`user disable ${input.email}${until}`)
      if (when === 'mailed meanwhile') {
        await passWait(user.id)
        await drainOutbox(server)
      }
      await server.sql`update users set disabled_until = now() where id = ${user.id} and disabled_until is not null`
      if (end === 'suspension') await clearAway(server.env.DATABASE_URL)
      else await server.command(`user enable ${input.email}`)

      if (when === 'mailed before') {
        expect([end, (await complete(await readLink())).code]).toEqual([end, 'INVALID_CREDENTIALS'])
      } else {
        const subjects = server.mailbox.to(input.email).map(({ subject }) => subject)
        expect(subjects.filter((subject) => /without your second factors/.test(subject))).toEqual([])
      }
      await forgetUsedCodes(server)
      const client = server.client()
      const { challenge } = await client.login(input)
      const login = await client.completeLogin(challenge?.id, { totp: authenticator.code() })
      expect(login.data?.session.acr).toBe('aal2')
    }
  },
)

test.each(['mailed before', 'mailed later'])(
  'the wait of a recovery does not count for a factor that was added since: %s',
  async (when) => {
    const { client, input, user, complete } = await startRecovery()
    const readLink = () => server.mailbox.token(input.email, /without your second factors/)
    if (when === 'mailed before') {
      await passWait(user.id)
      await readLink()
    }
    for (const { id } of (await client.factors()).data ?? []) await client.call('removeFactor', { id })
    await enrollTotp(client)

    if (when === 'mailed before') {
      expect((await complete(await readLink())).code).toBe('INVALID_CREDENTIALS')
    } else {
      await passWait(user.id)
      await drainOutbox(server)
      const subjects = server.mailbox.to(input.email).map(({ subject }) => subject)
      expect(subjects.filter((subject) => /without your second factors/.test(subject))).toEqual([])
    }
    expect((await client.factors()).data).toHaveLength(1)
  },
)

describe('after a change of address', () => {
  /** The owner is still signed in on one device, and moves the account to another mailbox. */
  async function moveMailbox({ client, input }: Awaited<ReturnType<typeof registerVerified>>) {
    const newEmail = `new-${input.email}`
    await client.updateMe({ email: newEmail, currentPassword: input.password })
    await client.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/) })
    return { ...input, email: newEmail }
  }

  test('a recovery starts again, since its link would reach the mailbox that was left', async () => {
    const begun = await startRecovery(undefined, true)
    const input = await moveMailbox(begun)

    const { challenge } = await begun.stranger.login(input)
    const again = await begun.stranger.call('requestFactorRecovery', { challenge: challenge?.id })
    await passWait(begun.user.id)

    expect(Date.parse(again.data?.endsAt ?? '')).toBeGreaterThan(Date.parse(begun.started.data?.endsAt ?? ''))
    await server.mailbox.mail(input.email, /without your second factors/)
  })

  test('its undo ends a recovery that was started since, and no earlier one', async () => {
    for (const isEarlier of [true, false]) {
      const person = await registerVerified()
      const start = async ({ email, password }: { email: string; password: string }) => {
        const stranger = server.client()
        const { challenge } = await stranger.login({ email, password })
        await stranger.call('requestFactorRecovery', { challenge: challenge?.id })
      }
      if (isEarlier) await start(person.input)
      const input = await moveMailbox(person)
      if (!isEarlier) await start(input)
      const token = await server.mailbox.token(person.input.email, /was changed/)
      await server.client().call('undoEmailChange', { token, newPassword: 'the owner sets this one' })

      const [row] = await server.sql`
        select factor_recovery_at is not null as runs from users where id = ${person.user.id}`
      expect([isEarlier, row?.runs]).toEqual([isEarlier, isEarlier])
    }
  })

  test('the link to the mailbox that was left replaces no factors', async () => {
    const begun = await startRecovery(undefined, true)
    await passWait(begun.user.id)
    const recoveryToken = await server.mailbox.token(begun.input.email, /without your second factors/)
    const input = await moveMailbox(begun)

    const { challenge } = await begun.stranger.login(input)
    const { code } = await begun.stranger.completeLogin(challenge?.id, { recoveryToken })

    expect(code).toBe('INVALID_CREDENTIALS')
  })
})

test('the link of a recovery proves nothing in a step-up', async () => {
  const { client, input, user, password } = await startRecovery()
  await passWait(user.id)
  const recoveryToken = await server.mailbox.token(input.email, /without your second factors/)

  expect((await client.stepUp({ password, proof: { recoveryToken } })).code).toBe('INVALID_CREDENTIALS')
})

test('`servauth user recover-factor` starts a recovery, and `user show` lists factors', async () => {
  const { input, user } = await registerWithTotp(server)
  const servauth = (words: string) => server.command(words)

  const shown = await servauth(`user show ${input.email}`)
  const started = await servauth(`user recover-factor ${input.email}`)
  const shownAgain = await servauth(`user show ${input.email}`)
  const none = await servauth(`user recover-factor ${(await server.registerUser()).email}`)

  expect(shown.output).toMatch(/factors +authenticator app \(added /)
  expect(shown.output).toMatch(/codes +10 recovery codes left/)
  expect(started).toMatchObject({ code: 0, output: expect.stringContaining('gets a notice now') })
  expect(shownAgain.output).toMatch(/recovery +factors can be replaced from /)
  expect(none.output).toContain('has no second factor')
  expect(await server.eventsOf(user.id)).toContain('factor_recovery_started')
  await server.mailbox.mail(input.email, /about to be replaced/)
})

test('`servauth user remove-factors` gives an account back to an owner that a taker keeps out', async () => {
  const { client, input, user } = await registerVerified()
  const servauth = (words: string) => server.command(`user ${words} ${input.email}`)

  const tooSoon = await servauth('remove-factors')
  await servauth('disable')
  const removed = await servauth('remove-factors')
  const again = await servauth('remove-factors')
  await servauth('enable')
  const ofTaker = await client.call('login', input)
  await client.call('requestPasswordReset', { email: input.email })
  const token = await server.mailbox.token(input.email, /reset/i)
  await client.call('resetPassword', { token, newPassword: 'a new phrase of the owner' })
  const ofOwner = await client.call('login', { ...input, password: 'a new phrase of the owner' })

  expect(tooSoon).toMatchObject({ code: 1, output: expect.stringContaining('Disable the account first') })
  expect(removed).toMatchObject({ code: 0, output: expect.stringContaining('has no second factor now') })
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('has no second factor.') })
  expect(ofTaker.code).toBe('INVALID_CREDENTIALS')
  expect(ofOwner.data?.user.id).toBe(user.id)
  expect(await server.eventsOf(user.id)).toContain('factors_recovered')
})
