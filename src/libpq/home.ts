import { homedir } from 'node:os'
import { join } from 'node:path'

/** A path in the home of the user. Undefined without HOME and an entry of passwd, as in a container with a uid of its own. */
export function getHomePath(...names: string[]): string | undefined {
  try {
    return join(homedir(), ...names)
  } catch {
    return undefined
  }
}
