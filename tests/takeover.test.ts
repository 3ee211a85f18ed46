import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clearAway } from './support/housekeeping.ts'
import { useServerWithMail } from './support/server.ts'
import {
  beginReading,
  beginSignIns,
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
const ONCE = { retry: 0, timeout: 600_000 + RUNS * 1000 }

const check = <T>(property: fc.IAsyncProperty<T>, numRuns = RUNS) =>
  fc.assert(property, {
    numRuns,
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

/** What a suspension keeps, and the sessions, which it ends. */
async function readAccount({ userId }: Scene) {
  const [account] = await server.sql`
    select to_jsonb(u) - '{updated_at, disabled_at, disabled_until, factor_recovery_at}'::text[] as user,
      (select json_agg(f.removed_at order by f.id) from factors f where f.user_id = u.id) as factors,
      (select count(*)::int from sessions where user_id = u.id) as sessions
    from users u where id = ${userId}`
  return account
}

test(
  'a suspended account changes by nothing that is tried, and afterwards its owner comes back',
  ONCE,
  () => {
    const factors = fc.constantFrom('none', 'app', 'passkey', 'both')
    return check(
      fc.asyncProperty(factors, movesOf(NAMES), movesOf(NAMES), async (ofOwner, before, meanwhile) => {
        const scene = await beginTakeover(server, ofOwner)
        for (const move of before) await make(move, scene)
        const completeSignIns = await beginSignIns(scene)
        const [user] = await server.sql`select email from users where id = ${scene.userId}`
        await server.command(`user disable ${user?.email} --until 2999-01-31T10:15:00Z`)
        const suspended = await readAccount(scene)

        for (const move of meanwhile) await make(move, scene)
        await completeSignIns()
        const isIn = [await readMailboxes(scene), await tryAll(scene)]
        expect([isIn, await readAccount(scene)]).toEqual([[false, false], { ...suspended, sessions: 0 }])

        await server.sql`update users set disabled_until = now() where id = ${scene.userId}`
        await clearAway(server.env.DATABASE_URL)
        expect(await readAccount(scene)).toEqual(suspended)
        const owner = await comeBack(scene)
        expect((await owner.me()).data).toMatchObject({ id: scene.userId, email: scene.email })
        expect(await tryAll(scene)).toBe(false)
      }),
      Math.ceil(RUNS / 2),
    )
  },
)
