import { expect } from 'vitest'
import { TOKEN_PURPOSES } from '../../src/auth/mailing/mailed-tokens.ts'
import { createAuthenticator, enrollTotp, forgetUsedCodes } from './authenticator.ts'
import { account, type Client } from './client.ts'
import type { ServerWithMail } from './server.ts'
import { createSoftwarePasskey } from './software-passkey.ts'

const [HOME, AWAY] = ['198.51.100.1', '203.0.113.7']

/** With what a person can sign in. */
type Keyring = {
  addresses: string[]
  passwords: string[]
  apps: ReturnType<typeof createAuthenticator>[]
  recoveryCodes: string[]
  passkeys: ReturnType<typeof createSoftwarePasskey>[]
}

type Factors = 'none' | 'app' | 'passkey' | 'both'

/** An account, and who makes the moves below: the taker in one property, the owner in the other. */
export type Scene = {
  server: ServerWithMail
  userId: string
  /** The first address, whose mailbox is the owner's. */
  email: string
  actor: Keyring
  clients: Client[]
}

async function openAccount(server: ServerWithMail, factors: Factors) {
  const { email, password } = account()
  const owner = createKeyring(email, password)
  const client = server.client('REST', 'TOKEN', HOME)
  await client.register({ email, password })
  await client.call('verifyEmail', { token: await server.mailbox.token(email, /Verify/), password })
  const { data } = await client.login({ email, password })
  if (!data) throw new Error('The owner was not let in')
  if (factors === 'app' || factors === 'both') {
    const { authenticator, recoveryCodes } = await enrollTotp(client)
    owner.apps.push(authenticator)
    owner.recoveryCodes.push(...recoveryCodes)
  }
  if (factors === 'passkey' || factors === 'both') {
    const passkey = createSoftwarePasskey()
    await passkey.addTo(client)
    owner.passkeys.push(passkey)
  }
  return { server, userId: data.user.id, email, password, owner, client }
}

const createKeyring = (address: string, password: string): Keyring => ({
  addresses: [address],
  passwords: [password],
  apps: [],
  recoveryCodes: [],
  passkeys: [],
})

/** The owner reads the mailbox. The taker was let in once, from another place, and reads other mailboxes. */
export async function beginTakeover(server: ServerWithMail, factors: Factors) {
  const { email, password, owner, userId } = await openAccount(server, factors)
  const client = server.client('REST', 'TOKEN', AWAY)
  if (!(await signIn(server, client, owner))) throw new Error('The taker was not let in')
  return { server, userId, email, owner, actor: createKeyring(email, password), clients: [client] }
}

type Takeover = Awaited<ReturnType<typeof beginTakeover>>

/** The owner has factors, and a reader has all mailboxes and passwords. No link is as old as the factors. */
export async function beginReading(
  server: ServerWithMail,
  factors: Exclude<Factors, 'none'>,
): Promise<Scene> {
  const { email, owner, userId, client } = await openAccount(server, factors)
  await server.sql`update verification set expires_at = now() where user_id = ${userId}`
  return { server, userId, email, actor: owner, clients: [client] }
}

/** Tries all that is in the keyring. */
async function signIn(server: ServerWithMail, client: Client, keyring: Keyring) {
  for (const passkey of keyring.passkeys) if ((await passkey.signIn(client)).data) return true
  for (const email of keyring.addresses) {
    for (const password of keyring.passwords) {
      const { data, challenge } = await client.login({ email, password })
      if (data) return true
      if (!challenge) continue
      await forgetUsedCodes(server)
      const proofs = [
        ...keyring.apps.map((app) => ({ totp: app.code() })),
        ...keyring.recoveryCodes.map((recoveryCode) => ({ recoveryCode })),
      ]
      for (const proof of proofs) if ((await client.completeLogin(challenge.id, proof)).data) return true
    }
  }
  return false
}

let passwords = 0
const newPassword = () => `another long phrase ${++passwords}`
const passwordOf = ({ actor }: Scene) => actor.passwords.at(-1) ?? ''

/** Waits until all mails with a link have been sent, but not for that of a recovery, which is due after days. */
async function deliver({ server }: Scene) {
  const links = Object.keys(TOKEN_PURPOSES).filter((kind) => kind !== 'factor-recovery')
  const findWaiting = () => {
    server.wakeMailWorker()
    return server.sql`select kind from mail_outbox where status = 'PENDING' and kind in ${server.sql(links)}`
  }
  await expect.poll(findWaiting, { interval: 10 }).toEqual([])
}

/** The newest token in the mails to an address. */
async function newestToken(scene: Scene, address: string, subject: RegExp) {
  await deliver(scene)
  const mails = scene.server.mailbox.to(address).filter((mail) => subject.test(mail.subject))
  return mails.at(-1)?.token ?? ''
}

/** What the client of a session can try. Some of it fails, depending on what was done before. */
export const MOVES = {
  async addApp(scene: Scene, client: Client) {
    const { data } = await client.beginTotp()
    if (!data) return
    const app = createAuthenticator(data.secret)
    const confirmed = await client.confirmTotp(data.id, app.code())
    if (!confirmed.data) return
    scene.actor.apps.push(app)
    scene.actor.recoveryCodes.push(...(confirmed.data.codes ?? []))
  },

  async addPasskey(scene: Scene, client: Client) {
    const { data } = await client.call('beginPasskey')
    if (!data) return
    const passkey = createSoftwarePasskey()
    const response = passkey.create(data.options)
    const added = await client.call('addPasskey', { ceremony: data.id, response, name: 'Another key' })
    if (added.data) scene.actor.passkeys.push(passkey)
  },

  async removeFactors(_: Scene, client: Client) {
    for (const { id } of (await client.factors()).data ?? []) await client.removeFactor(id)
  },

  async renewRecoveryCodes(scene: Scene, client: Client) {
    const { data } = await client.renewRecoveryCodes()
    scene.actor.recoveryCodes.push(...(data?.codes ?? []))
  },

  async changePassword(scene: Scene, client: Client) {
    const password = newPassword()
    const { data } = await client.changePassword({
      currentPassword: passwordOf(scene),
      newPassword: password,
    })
    if (data) scene.actor.passwords.push(password)
  },

  async changeAddress(scene: Scene, client: Client) {
    const { email } = account()
    scene.actor.addresses.push(email)
    await client.updateMe({ email, currentPassword: passwordOf(scene) })
    const token = await newestToken(scene, email, /Confirm/)
    await client.call('verifyEmail', { token, password: passwordOf(scene) })
  },

  async resetPassword(scene: Scene, client: Client) {
    const email = scene.actor.addresses.at(-1) ?? ''
    await client.call('requestPasswordReset', { email })
    if (email !== scene.email) await followLinks(scene, newMailboxes(scene))
  },

  async startFactorRecovery({ server, actor }: Scene) {
    const client = server.client('REST', 'TOKEN', AWAY)
    for (const email of actor.addresses) {
      const { challenge } = await client.login({ email, password: actor.passwords.at(-1) })
      if (challenge) await client.call('requestFactorRecovery', { challenge: challenge.id })
    }
  },

  async stepUp(scene: Scene, client: Client) {
    const password = passwordOf(scene)
    await forgetUsedCodes(scene.server)
    await client.stepUp({ password, proof: { totp: scene.actor.apps.at(-1)?.code() ?? '000000' } })
  },

  async signInAgain({ server, actor, clients }: Scene) {
    const client = server.client('REST', 'TOKEN', `203.0.113.${100 + clients.length}`)
    if (await signIn(server, client, actor)) clients.push(client)
  },

  endOtherSessions: (_: Scene, client: Client) => client.revokeOtherSessions(),
  refresh: (_: Scene, client: Client) => client.refresh(),
  followLinks: (scene: Scene) => followLinks(scene, newMailboxes(scene)),
}

/** All but that of the owner. */
const newMailboxes = ({ actor }: Scene) => actor.addresses.slice(1)

/** Gives every token in these mailboxes to every operation that takes one. */
async function followLinks(scene: Scene, addresses: string[]) {
  await deliver(scene)
  const client = scene.server.client('REST', 'TOKEN', AWAY)
  const mails = addresses.flatMap((address) => scene.server.mailbox.to(address))
  for (const { token } of mails.filter((mail) => mail.token)) {
    const password = newPassword()
    scene.actor.passwords.push(password)
    await client.call('resetPassword', { token, newPassword: password })
    await client.call('undoEmailChange', { token, newPassword: password })
    await client.call('reportSignIn', { token, newPassword: password })
    await client.call('undoFactorChange', { token })
    await client.call('cancelEmailChange', { token })
    for (const known of scene.actor.passwords) await client.call('verifyEmail', { token, password: known })
  }
  return client
}

/** @returns whether the mailboxes and passwords of the owner open the account */
export async function readMailboxes(scene: Scene) {
  const { server, actor, userId } = scene
  const client = await followLinks(scene, actor.addresses)
  await MOVES.startFactorRecovery(scene)
  return (await signIn(server, client, { ...actor, apps: [], recoveryCodes: [], passkeys: [] }))
    ? (await client.me()).data?.id === userId
    : false
}

/** The owner follows the newest link of a notice that works, and no other. @returns the client that is signed in */
export async function comeBack(scene: Takeover) {
  const { server, email, owner } = scene
  const client = server.client('REST', 'TOKEN', HOME)
  const password = 'the new phrase of the owner'
  await deliver(scene)
  for (const { subject, token } of server.mailbox.to(email).toReversed()) {
    if (await followNotice(client, subject, { token, newPassword: password })) break
  }
  await client.call('requestPasswordReset', { email })
  const token = await newestToken(scene, email, /Reset/)
  await client.call('resetPassword', { token, newPassword: password })
  await signIn(server, client, { ...owner, passwords: [password] })
  return client
}

async function followNotice(client: Client, subject: string, input: { token: string; newPassword: string }) {
  const { token } = input
  if (/New sign-in/.test(subject)) return (await client.call('reportSignIn', input)).data
  if (/address of your account was changed/.test(subject)) {
    return (await client.call('undoEmailChange', input)).data
  }
  if (/factor was removed/.test(subject)) return (await client.call('undoFactorChange', { token })).data
  return null
}

/** Everything that the taker has, once more. @returns whether anything of it opens the account */
export async function tryAll(scene: Takeover) {
  const { server, actor, clients, userId } = scene
  await followLinks(scene, newMailboxes(scene))
  for (const client of clients) {
    if ((await client.me()).data?.id === userId || (await client.refresh()).data) return true
  }
  const client = server.client('REST', 'TOKEN', AWAY)
  return (await signIn(server, client, actor)) && (await client.me()).data?.id === userId
}

/** Begins a sign-in with each password. @returns a function that shows the factors to those that wait for one */
export async function beginSignIns({ server, userId, owner, actor }: Takeover) {
  const [user] = await server.sql`select email from users where id = ${userId}`
  const client = server.client('REST', 'TOKEN', HOME)
  const challenges: string[] = []
  for (const password of [...owner.passwords, ...actor.passwords]) {
    const { challenge } = await client.login({ email: user?.email, password })
    if (challenge) challenges.push(challenge.id)
  }
  return async () => {
    await forgetUsedCodes(server)
    for (const challenge of challenges) {
      for (const app of [...owner.apps, ...actor.apps])
        await client.completeLogin(challenge, { totp: app.code() })
    }
  }
}
