import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.ts'
import { runCommand } from './support/process.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A copy of the program with the installed packages, of which `own` are copies that may be changed. */
async function copyProgram({ own = [] as string[], installed = true } = {}) {
  const folder = await createFolder()
  for (const name of ['src', 'drizzle', 'patches', 'package.json', 'bun.lock']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  }
  if (installed) {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    for (const name of Object.keys(dependencies)) {
      const place = join(folder, 'node_modules', name)
      await mkdir(join(place, '..'), { recursive: true })
      if (own.includes(name)) await cp(join(ROOT, 'node_modules', name), place, { recursive: true })
      else await symlink(join(ROOT, 'node_modules', name), place)
    }
  }
  return {
    change: async (file: string, from: string | RegExp, to: string) => {
      const path = join(folder, 'node_modules', file)
      await writeFile(path, (await readFile(path, 'utf8')).replace(from, to))
    },
    // Nothing answers there, so that the test downloads nothing either.
    start: () =>
      runCommand('--version', {
        entry: join(folder, 'src/index.ts'),
        cwd: folder,
        env: { BUN_CONFIG_REGISTRY: 'http://127.0.0.1:1' },
      }),
  }
}

test('the program starts with the packages of the lockfile', async () => {
  const program = await copyProgram()

  expect(await program.start()).toMatchObject({ code: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+/) })
})

test('the program does not start if its packages are not installed, and says how to install them', async () => {
  const program = await copyProgram({ installed: false })

  expect(await program.start()).toMatchObject({
    code: 1,
    output: expect.stringMatching(/not installed.*run: npx -y bun@[\d.]+ install/),
  })
})

test('the program does not start with another version of a package', async () => {
  const program = await copyProgram({ own: ['hono'] })
  await program.change('hono/package.json', /"version": "[^"]+"/, '"version": "4.0.0"')

  expect(await program.start()).toMatchObject({
    code: 1,
    output: expect.stringMatching(/not those of bun\.lock: hono 4\.0\.0 instead of hono@/),
  })
})

test('the program does not start with a driver without the patch', async () => {
  const program = await copyProgram({ own: ['postgres'] })
  await program.change('postgres/src/connection.js', ', refused = false', '')

  expect(await program.start()).toMatchObject({
    code: 1,
    output: expect.stringMatching(/postgres@[\d.]+ without its patch/),
  })
})
