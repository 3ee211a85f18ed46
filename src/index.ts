import { limitHeap } from './process/heap-limit.ts'
import { requireInstalledPackages } from './process/installed-packages.ts'

const args = process.argv.slice(2)
limitHeap(args, process.env)
// The bundle contains its packages.
if (import.meta.path.endsWith('.ts')) requireInstalledPackages()
// After them, since it takes far longer to load.
const { runProgram } = await import('./cli/program.ts')
process.exit(await runProgram(args, process.env))
