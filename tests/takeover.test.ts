import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useServerWithMail } from './support/server.ts'
import {
  beginReading,
  beginTakeover,
  comeBack,
  MOVES,
  readMailboxes,
  type Scene,
  tryAll,
} from './support/takeover.ts'

// A failure prints its seed, with which it comes again.
const { TAKEOVER_RUNS = '16', TAKEOVER_SEED } = process.env
const RUNS = Number(TAKEOVER_RUNS)

const server = useServerWithMail({ TRUSTED_PROXIES: '192.0.2.1' })

type Move = { name: keyof typeof MOVES; which: number }

const NAMES = Object.keys(MOVES) as Move['name'][]
const movesOf = (names: Move['name'][]) =>
  fc.array(fc.record({ name: fc.constantFrom(...names), which: fc.nat(99) }), { maxLength: 10 })

/** One of the clients makes the move. */
async function make({ name, which }: Move, scene: Scene) {
  const client = scene.clients[which % scene.clients.length]
  if (client) await MOVES[name](scene, client)
}

/** No second try: it would find another seed, and hide the failure. */
const ONCE = { retry: 0, timeout: 180_000 + RUNS * 1000 }

const check = <T>(property: fc.IAsyncProperty<T>) =>
  fc.assert(property, {
    numRuns: RUNS,
    ...(TAKEOVER_SEED && { seed: Number(TAKEOVER_SEED) }),
  })

test(
  'whatever a taker does, the newest link of a notice leads the owner back, and the taker out',
  ONCE,
  () => {
    const factors = fc.constantFrom('none', 'app', 'passkey', 'both')
    return check(
      fc.asyncProperty(factors, movesOf(NAMES), async (ofOwner, moves) => {
        const scene = await beginTakeover(server, ofOwner)
        for (const move of moves) await make(move, scene)

        const owner = await comeBack(scene)
        const isTakerIn = await tryAll(scene)

        expect((await owner.me()).data).toMatchObject({ id: scene.userId, email: scene.email })
        expect(isTakerIn).toBe(false)
      }),
    )
  },
)

test('whatever an owner does, the mailboxes and the password open no way around older factors', ONCE, () => {
  const factors = fc.constantFrom('app', 'passkey', 'both')
  const names = NAMES.filter((name) => name !== 'removeFactors')
  return check(
    fc.asyncProperty(factors, movesOf(names), async (ofOwner, moves) => {
      const scene = await beginReading(server, ofOwner)
      for (const move of moves) {
        await make(move, scene)

        expect([move, await readMailboxes(scene)]).toEqual([move, false])
      }
    }),
  )
})
