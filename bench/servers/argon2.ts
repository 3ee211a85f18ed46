import { hash, verify } from '@node-rs/argon2'
import { ARGON2ID } from './argon2-options.ts'
import { printRate } from './rate-loop.ts'

/** The rate of the hash alone. No login or registration can be faster. */
const [what, seconds] = process.argv.slice(2)
const password = 'a long enough phrase'
const known = await hash(password, ARGON2ID)

await printRate(Number(seconds), 4, async () => {
  if (what === 'hash') return hash(password, ARGON2ID)
  if (!(await verify(known, password))) throw new Error('A right password was refused')
  return undefined
})
