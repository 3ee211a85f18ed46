import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { ARGON2ID } from './argon2-options.ts'
import { printRate } from './rate-loop.ts'

/**
 * The rate of the hash alone. No login or registration can be faster. As many run at once as the server lets run: of four
 * at once on one core, each takes 8 percent more processor time, because two threads compete for the caches.
 */
const [what, seconds] = process.argv.slice(2)
const password = 'a long enough phrase'
const known = await hash(password, ARGON2ID)

await printRate(Number(seconds), availableParallelism(), async () => {
  if (what === 'hash') return hash(password, ARGON2ID)
  if (!(await verify(known, password))) throw new Error('A right password was refused')
  return undefined
})
