import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These files take the longest. They start first, so that the run does not wait for one of them at its end. */
const SLOWEST = [
  'failover',
  'pgbouncer-storm',
  'silence',
  'examples-apollo.test',
  'examples-urql.test',
  'database-faults',
  'far-times',
  'mail.test',
  'workers',
  'takeover',
  'required-verification',
  'taken-accounts',
  'known-places',
  'session-machine',
  'examples-token-client',
  'memory',
  'graphiql',
  'log-secrets',
  'first-run',
  'shutdown',
  'database-start',
  'verify.test',
  'dev-ends',
  'admission',
  'change-listener',
  'permission-matrix',
  'managed-webhooks',
  'reference',
  'webhook-targets',
  'import.test',
  'claims',
  'revocations',
  'moving',
  'leaks',
  'input',
  'packages',
  'factor-faults',
  'passkeys.test',
  'schemas',
  'migrate',
  'growth',
  'write-limit',
  'session-cache',
  'slow-mails',
  'examples-links',
  'mail-links',
  'mail-notices',
  'slow-clients',
  'doctor',
  'commands',
  'connections',
  'replicas',
]

/** It measures a server beside which little else may run. At the end, the other workers have no files left. */
const LAST = 'overload'

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const rank = ({ moduleId }: TestSpecification) => {
      if (moduleId.includes(`/tests/${LAST}`)) return SLOWEST.length + 1
      const index = SLOWEST.findIndex((name) => moduleId.includes(`/tests/${name}`))
      return index < 0 ? SLOWEST.length : index
    }
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other))
  }
}

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Bun imports the files by itself, as it does for the server. Vite's form of the same code takes a fifth more processor time.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    sequence: { sequencer: SlowestFirst },
    globalSetup: 'tests/support/postgres.ts',
    setupFiles: 'tests/support/setup.ts',
    // A worker loads the sources once, not for each file, which takes a quarter of the processor time.
    isolate: false,
    // The default pool of forked processes does not start on Bun.
    pool: 'threads',
    // Most of a test's time is waiting: for mails, deadlines, processes.
    maxWorkers: 6,
    // Shared machines stall at times, and some promises are about time.
    retry: process.env.CI ? 1 : 0,
    // Tests wait for events. These limits only end what hangs, also on a machine that is busy with other work.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 180_000, interval: 20 } },
  },
})
