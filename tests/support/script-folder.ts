import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scripts } from '../../package.json'
import { ROOT } from '../../src/root.ts'
import { createFolder } from './folder.ts'

/** A folder with `bun` and a script of this project, without its installation. @returns where, and the PATH for it */
export async function createScriptFolder(name: 'dev' | 'start') {
  const cwd = await createFolder()
  // PostgreSQL runs as another user if the tests run as root. Then a closed folder would move its data.
  await chmod(cwd, 0o755)
  const bin = join(cwd, 'node_modules/.bin')
  await mkdir(bin, { recursive: true })
  await symlink(process.execPath, join(bin, 'bun'))
  // With `&&`, a shell stays between `bun run` and the server.
  const script = `true && ${scripts[name].replace(/^.*&&/, '').replace(/(src|dist)\/\S+/, (path) => join(ROOT, path))}`
  await writeFile(join(cwd, 'package.json'), JSON.stringify({ scripts: { [name]: script } }))
  return { cwd, PATH: `${bin}:${process.env.PATH}` }
}
