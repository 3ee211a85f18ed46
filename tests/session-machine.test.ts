import fc from 'fast-check'
import { test } from 'vitest'
import { type Server, useServer } from './support/server.ts'
import {
  CAST,
  Clock,
  createRuns,
  presentOldSecrets,
  REQUEST_NAMES,
  Requests,
  Restart,
  useStolenSecrets,
} from './support/session-machine.ts'
import { IDLE_SECONDS, MAX_SECONDS } from './support/session-model.ts'

// A failure prints its seed. Requests at once race, so the same seed may need several tries.
const { SESSION_MACHINE_RUNS = '100', SESSION_MACHINE_SEED } = process.env
const RUNS = Number(SESSION_MACHINE_RUNS)

/** Steps that stay well clear of every limit of the model: the grace, fresh sessions and the two lives. */
const CLOCK_STEPS = [12, 31, 3 * 3600, 6 * 3600]

// Two at a time, because a run mostly waits for its database.
const servers = [openMachine(), openMachine()]

function openMachine() {
  return useServer({
    SESSION_IDLE_SECONDS: String(IDLE_SECONDS),
    SESSION_MAX_SECONDS: String(MAX_SECONDS),
    ACCESS_TOKEN_SECONDS: '3600',
  })
}

const request = fc.record({
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constant('refresh' as const) },
    { weight: 1, arbitrary: fc.constant('delayedRefresh' as const) },
    { weight: 3, arbitrary: fc.constant('replay' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...REQUEST_NAMES) },
  ),
  player: fc.nat(2),
  which: fc.nat(99),
  isLost: fc.boolean(),
  how: fc.constantFrom('as it was', 'as it was', 'by the other transport', 'forged'),
})

// Few commands a run: a fault needs two or three of them, and the checks after each take most of the time.
// A restart takes as long as ten other commands.
const command = fc.oneof(
  { weight: 14, arbitrary: request.map((one) => new Requests([one])) },
  {
    weight: 7,
    arbitrary: fc.array(request, { minLength: 2, maxLength: 3 }).map((several) => new Requests(several)),
  },
  { weight: 8, arbitrary: fc.constantFrom(...CLOCK_STEPS).map((seconds) => new Clock(seconds)) },
  { weight: 1, arbitrary: fc.constant(new Restart()) },
)

/** Three of the eight clients; the sessions of the others stay idle, for attackers. */
const players = fc.shuffledSubarray([...CAST.keys()], { minLength: 3, maxLength: 3 })

// No second try: it would find another seed, and hide the failure.
test('whatever clients, attackers and the clock do, the live sessions are those of the rules', {
  retry: 0,
  timeout: 600_000 + RUNS * 1000,
}, async () => {
  await Promise.all(servers.map((server) => checkRules(server, Math.ceil(RUNS / servers.length))))
})

async function checkRules(server: Server, numRuns: number) {
  const beginRun = createRuns(server)
  const property = fc.asyncProperty(
    players,
    fc.commands([command], { maxCommands: 10, size: '+1' }),
    async (chosen, commands) => {
      const { real, ...state } = await beginRun(chosen)

      await fc.asyncModelRun(() => ({ model: state, real }), commands)

      const afterThefts = await useStolenSecrets(state.model, real)
      await presentOldSecrets(afterThefts, real)
    },
  )
  const seed = SESSION_MACHINE_SEED ? { seed: Number(SESSION_MACHINE_SEED) } : {}
  await fc.assert(property, { numRuns, ...seed })
}
