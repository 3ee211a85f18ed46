import { execFile } from 'node:child_process'
import { cp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { useDatabase } from './support/database.ts'
import { createFolder } from './support/folder.ts'
import { startProgram } from './support/program.ts'

const database = useDatabase()

const run = (program: string, args: string[]) => promisify(execFile)(program, args, { cwd: ROOT })

/** A word of each package that the executable leaves out in part, from that part. */
const LEFT_OUT = ['ltige Eingabe', 'PonyfillHeaders', 'nobleHashes', 'RateLimiterRedis']

test('the executable is made again only if something in it is newer, and leaves out what is not used', async () => {
  const folder = await createFolder()
  for (const name of ['src', 'patches', 'build.ts', 'package.json', 'bun.lock']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const program = join(folder, 'dist/servauth')
  const build = async () => {
    await promisify(execFile)(process.execPath, [join(folder, 'build.ts')])
    return (await stat(program)).mtimeMs
  }

  const first = await build()
  const second = await build()
  await utimes(join(folder, 'src/errors.ts'), new Date(), new Date())
  const third = await build()

  expect(second).toBe(first)
  expect(third).toBeGreaterThan(first)
  const content = await readFile(program)
  expect(content.includes('openapi.json')).toBe(true)
  expect(LEFT_OUT.filter((word) => content.includes(word))).toEqual([])

  // Such as a folder that belongs to another user.
  await rm(join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'dist'), '')
  await expect(build()).rejects.toThrow(/dist cannot be written \(EEXIST\).*bun run build/)

  // It needs native packages that it does not contain.
  await rm(join(folder, 'node_modules'))
  await expect(build()).rejects.toThrow('packages of Servauth are not installed')
})

test('the executable runs by a link, and a copy of it alone says what it lacks', async () => {
  const [link, copy] = [join(await createFolder(), 'servauth'), join(await createFolder(), 'servauth')]
  await symlink(join(ROOT, 'dist/servauth'), link)
  await cp(join(ROOT, 'dist/servauth'), copy)

  expect((await run(link, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/)
  await expect(run(copy, ['--version'])).rejects.toThrow(/node_modules is missing.*make a link/s)
})

/** A folder with the files that the image has: those that the Dockerfile copies and does not delete before. */
async function layOutImage() {
  const folder = await createFolder()
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const [, pruned = '', kept] = /^RUN find (.+?) -type f ! ('\('.+'\)') -delete$/ms.exec(dockerfile) ?? []
  const copied = [...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+) /gm)].map(([, name = '']) => name)
  const whole = copied.filter((name) => !pruned.split(' ').includes(name))
  await run('sh', ['-c', `find ${pruned} -type f ${kept} -exec cp --parents -t ${folder} {} +`])
  await run('cp', ['--recursive', '-t', folder, ...whole])
  return folder
}

test('the executable finds what it loads only when it is needed among the files of the image, and copies nothing to a temporary folder', async () => {
  const TMPDIR = await createFolder()
  const program = join(await layOutImage(), 'dist/servauth')
  const settings = {
    DATABASE_URL: database.url,
    NODE_ENV: 'development',
    ALLOWED_ORIGINS: 'https://*.example.com',
    TMPDIR,
  }
  const server = await startProgram(settings, { bun: 'env', entry: program })
  const register = (password: string) =>
    fetch(`${server.url}/auth/register`, {
      method: 'POST',
      // A reader of Swiss German understands German, which only a library knows.
      headers: { 'content-type': 'application/json', 'accept-language': 'gsw' },
      body: JSON.stringify({ email: 'ada@example.com', password }),
    })

  expect((await register('password1234')).status).toBe(400)
  const registered = await register('a long phrase')
  expect(registered.status).toBe(201)
  expect((await registered.json()).user.locale).toBe('gsw')
  for (const path of ['/graphql', '/docs']) {
    const page = await (await fetch(server.url + path, { headers: { accept: 'text/html' } })).text()
    const files = [...page.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, file]) => file)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) expect((await fetch(server.url + file)).status).toBe(200)
  }
  expect((await fetch(`${server.url}/openapi.json`)).status).toBe(200)
  expect(await readdir(TMPDIR)).toEqual([])
})

test('the health check of the image reaches the server in a container that has a proxy', async () => {
  const { stop, env } = await startProgram({ DATABASE_URL: database.url })
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const [, command = ''] = /^HEALTHCHECK[^[]*(\[.*\])$/m.exec(dockerfile) ?? []
  const [program = '', ...args] = JSON.parse(command) as string[]
  const check = (settings: Record<string, string>) =>
    promisify(execFile)(program, args, {
      env: { PATH: `${join(ROOT, 'dist')}:${process.env.PATH}`, PORT: env.PORT, ...settings },
    }).then(
      () => 'healthy',
      () => 'unhealthy',
    )
  const proxy = 'http://127.0.0.1:1'

  expect(await check({})).toBe('healthy')
  expect(await check({ HTTP_PROXY: proxy, http_proxy: proxy, NO_PROXY: 'intranet' })).toBe('healthy')
  await stop()
  expect(await check({})).toBe('unhealthy')
})
