import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { useProgram } from './support/program.ts'

const MEMORY = String(300 * 1024 * 1024)

const database = useDatabase()
const server = useProgram(() => ({ DATABASE_URL: database.url, BUN_JSC_forceRAMSize: MEMORY }))

test.skipIf(process.platform !== 'linux')(
  'a setting of the engine that the operator has set counts, and the others are still applied',
  async () => {
    const environment = (await readFile(`/proc/${server.pid}/environ`, 'utf8')).split('\0')

    expect(environment).toContain(`BUN_JSC_forceRAMSize=${MEMORY}`)
    expect(environment).toContain('BUN_JSC_smallHeapGrowthFactor=1.6')
  },
)
