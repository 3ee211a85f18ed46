import { createRequire } from 'node:module'

// As Node and Bun do for a user without HOME and an entry of passwd. `require` gets the object that later imports read.
const os = createRequire(import.meta.url)('node:os') as typeof import('node:os')
os.homedir = () => {
  throw Object.assign(new Error('uv_os_homedir'), { code: 'ENOENT' })
}
const { parseConnectionString } = await import('../../src/libpq/connection-string.ts')
process.stdout.write(JSON.stringify(parseConnectionString(process.env.DATABASE_URL ?? '')))
