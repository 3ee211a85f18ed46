import { beforeEach, expect } from 'vitest'
import { type Adapter, account, type Client, type Transport } from './client.ts'
import { BEHIND_PROXY, type ServerWithMail } from './server.ts'

/**
 * The owner controls the mailbox of an address, and may be away from home. A stranger knows the address. A taker has the password
 * or a session. Each of them has a network of its own, behind a trusted proxy.
 */
export const [OWNER, STRANGER, TAKER, AWAY] = [1, 2, 3, 4]

/** The settings of a server whose clients are these people. */
export const FOR_PEOPLE = { ...BEHIND_PROXY, THROTTLE: 'on' }

/** The people of the tests of a group. Their networks are new in each test, so that no limit of one test is felt in another. */
export function usePeople(server: ServerWithMail, adapter: Adapter) {
  let run = 0
  beforeEach(() => {
    run++
  })

  const person = (role: number, transport: Transport = 'COOKIE') =>
    server.client(adapter, transport, `10.${run}.0.${role}`)

  async function verified() {
    const input = account()
    const owner = person(OWNER)
    await owner.register(input)
    const { token } = await server.mailbox.mail(input.email, /Verify/)
    await owner.call('verifyEmail', { token })
    return { ...input, owner }
  }

  return {
    person,

    /** The owner of a verified account, who is signed in. */
    verified,

    /** Changes the address as a taker who has the password, and confirms it from the new mailbox. */
    async takenOver() {
      const victim = await verified()
      const taker = person(TAKER)
      const newEmail = account().email
      const { email, password } = victim
      await taker.login({ email, password })
      await taker.updateMe({ email: newEmail, currentPassword: password })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)
      expect((await taker.call('verifyEmail', { token })).data).toBe(true)
      return { ...victim, taker, newEmail }
    },
  }
}

export async function failUntilRefused(client: Client, email: string) {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { code } = await client.login({ email, password: `not the password ${attempt}` })
    if (code === 'TOO_MANY_REQUESTS') return
  }
  throw new Error('The failures were never throttled')
}
