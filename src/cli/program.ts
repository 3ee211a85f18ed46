import { loadEnv } from '../env.ts'
import { hasDataFolder } from '../process/first-run.ts'
import { allowCompilation } from '../process/jit-policy.ts'
import { serve } from '../process/server.ts'
import { explainError } from './support/command-error.ts'
import type { Environment } from './support/with-core.ts'

const EXIT_SUCCESS = 0
const EXIT_FAILURE = 1
const EXIT_WRONG_USE = 2

/** Runs the command of the arguments, or the server if there are none. @returns the exit code */
export async function runProgram(args: string[], environment: Environment): Promise<number> {
  try {
    if (args.length > 0) return await runCommand(args, environment)
    await serve(loadEnv(environment))
    return EXIT_SUCCESS
  } catch (error) {
    console.error(`\n${explainError(error)}\n`)
    return EXIT_FAILURE
  }
}

/** The server reads none of the commands, so that it starts sooner. */
async function runCommand(args: string[], environment: Environment) {
  allowCompilation()
  const [{ CommanderError }, { createProgram }] = await Promise.all([
    import('commander'),
    import('./commands.ts'),
  ])
  try {
    await createProgram(environment, createCommandEnvironment(environment)).parseAsync(args, {
      from: 'user',
    })
    return EXIT_SUCCESS
  } catch (error) {
    // Commander has already printed its message: the help, or what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_SUCCESS : EXIT_WRONG_USE
    throw error
  }
}

/** In the folder of a development server, commands use its database, unless the environment names another. */
function createCommandEnvironment(environment: Environment): Environment {
  const isExplicit = environment.NODE_ENV || environment.DATABASE_URL || environment.DATABASE_URL_FILE
  return !isExplicit && hasDataFolder() ? { ...environment, NODE_ENV: 'development' } : environment
}
