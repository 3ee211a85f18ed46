import { limitHeap } from './process/heap-limit.ts'

const args = process.argv.slice(2)
limitHeap(args, process.env)
// After it, since it takes far longer to load.
const { runProgram } = await import('./cli/program.ts')
process.exit(await runProgram(args, process.env))
