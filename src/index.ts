import { refuseLostOutput } from './cli/support/result-output.ts'
import { applyEngineSettings } from './process/engine-settings.ts'
import { requireInstalledPackages, requireNativePackages } from './process/installed-packages.ts'
import { postponeCompilation } from './process/jit-policy.ts'

const args = process.argv.slice(2)
applyEngineSettings(args, process.env)
postponeCompilation()
// The executable contains most packages.
if (Bun.isStandaloneExecutable) requireNativePackages()
else requireInstalledPackages()
// A server goes on without its output.
if (args.length > 0 && args[0] !== 'serve') refuseLostOutput()
// After them, since it takes far longer to load.
const { runProgram } = await import('./cli/program.ts')
process.exit(await runProgram(args, process.env))
