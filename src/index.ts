import { limitHeap } from './process/heap-limit.ts'
import { assertInstalledPackages } from './process/installed-packages.ts'

const args = process.argv.slice(2)
limitHeap(args, process.env)
refuseOtherPackages()
// After them, since it takes far longer to load.
const { runProgram } = await import('./cli/program.ts')
process.exit(await runProgram(args, process.env))

function refuseOtherPackages() {
  try {
    assertInstalledPackages()
  } catch (error) {
    console.error(`\n${(error as Error).message}\n`)
    process.exit(1)
  }
}
