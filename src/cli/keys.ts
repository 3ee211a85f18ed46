import { withService } from './with-service.ts'

type Source = Record<string, string | undefined>
type Keys = Awaited<ReturnType<Parameters<Parameters<typeof withService>[1]>[0]['keys']['list']>>

const minute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`

export async function showKeys(source: Source) {
  print(await withService(source, ({ keys }) => keys.list()))
}

export async function rotateKeys(source: Source) {
  const { made, list } = await withService(source, async ({ keys }) => {
    await keys.check()
    return { made: await keys.rotate(), list: await keys.list() }
  })
  console.log(made ? 'A new key is made and public.' : 'A new key is on its way already; no other was made.')
  print(list)
  console.log('\nThere is nothing else to do: running servers follow by themselves.')
}

function print(keys: Keys) {
  const shown = keys.filter(({ retired }) => !retired)
  if (shown.length === 0) return console.log('There is no key yet: the server makes one at its first start.')
  for (const { key, now, signs, signsFrom, publicUntil } of shown) {
    const made = `${key.id}  made ${minute(key.createdAt)}`
    const state = signs ? 'signs' : signsFrom > now ? `signs from ${minute(signsFrom)}` : 'signs no more'
    console.log(`  ${made}, ${state}${publicUntil ? `, public until ${minute(publicUntil)}` : ''}`)
  }
}
