import { hash, verify } from '@node-rs/argon2'
import { ARGON2ID } from './argon2id.ts'
import { printRate } from './loop.ts'

/** The bare rate of the hash itself, which no login and no registration can beat. */
const [what, seconds] = process.argv.slice(2)
const password = 'a long enough phrase'
const known = await hash(password, ARGON2ID)

await printRate(Number(seconds), 4, async () => {
  if (what === 'hash') return hash(password, ARGON2ID)
  if (!(await verify(known, password))) throw new Error('A right password was refused')
  return undefined
})
