/**
 * Runs the program and, when it ends, prints the name of every environment variable that a library has read by itself,
 * with the package: a line of `NAME package`.
 */
const seen = new Set<string>()

function note(name: string | symbol) {
  // The first two lines are this function and the trap.
  const caller = (new Error().stack ?? '')
    .split('\n')
    .slice(3)
    .find((line) => !line.includes('traced-server'))
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(caller ?? '')?.[1]
  if (library) seen.add(`${String(name)} ${library}`)
}

const traced = new Proxy(process.env, {
  get(target, name) {
    note(name)
    return Reflect.get(target, name)
  },
  has(target, name) {
    note(name)
    return Reflect.has(target, name)
  },
})
Object.defineProperty(process, 'env', { value: traced })
process.on('exit', () => process.stdout.write(`${[...seen].sort().join('\n')}\n`))

await import('../../src/index.ts')
