import type { AuthCore } from '../../auth/core.ts'
import { formatTime } from '../support/format-time.ts'
import { type Environment, withCore } from '../support/with-core.ts'

type Keys = Awaited<ReturnType<AuthCore['keys']['list']>>

export async function showKeys(environment: Environment) {
  printKeys(await withCore(environment, ({ keys }) => keys.list()))
}

/** Checks the current key first: with a wrong `AUTH_SECRET`, no running server could use the new key. */
export async function rotateKeys(environment: Environment) {
  const { created, list } = await withCore(environment, async ({ keys }) => {
    await keys.check()
    return { created: await keys.rotate(), list: await keys.list() }
  })
  console.log(
    created
      ? 'A new key was created. Every server publishes it within a minute.'
      : 'The newest key does not sign yet, so no other key was created.',
  )
  printKeys(list)
  console.log('\nThere is nothing else to do: running servers sign with the new key when it is time.')
}

function printKeys(keys: Keys) {
  const shown = keys.filter(({ retired }) => !retired)
  if (shown.length === 0) {
    return console.log('There is no key yet: the server creates one at its first start.')
  }
  for (const { key, now, signs, signsFrom, publicUntil } of shown) {
    const state = signs
      ? 'signs'
      : signsFrom > now
        ? `signs from ${formatTime(signsFrom)}`
        : 'no longer signs'
    const end = publicUntil ? `, public until ${formatTime(publicUntil)}` : ''
    console.log(`  ${key.id}  ${key.alg ?? 'EdDSA'}, created ${formatTime(key.createdAt)}, ${state}${end}`)
  }
}
