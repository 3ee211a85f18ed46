import { serve } from './commands/serve.ts'
import { loadEnv } from './env.ts'

try {
  await serve(loadEnv(process.env))
  process.exit(0)
} catch (fault) {
  console.error(`\n${fault instanceof Error ? fault.message : fault}\n`)
  process.exit(1)
}
