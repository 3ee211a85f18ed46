import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { bound } from './support/bound.ts'
import { account, JSON_TYPE } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { createFolder } from './support/folder.ts'
import { freePort } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { findProgram } from './support/programs.ts'
import { pause } from './support/time.ts'

const database = useDatabase()
const INSECURE = { tls: { rejectUnauthorized: false } }

/** Each proxy with the arguments for a configuration of docs/proxies.md, in a folder that has the certificate. */
const PROXIES = {
  nginx: (snippet: string, folder: string) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const text = `${user} daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {} http { access_log off; ${temporary} ${snippet} }`
    return { text, args: (file: string) => ['-c', file, '-e', join(folder, 'error.log')] }
  },
  haproxy: (snippet: string) => ({ text: snippet, args: (file: string) => ['-db', '-f', file] }),
}

/** Starts a proxy as docs/proxies.md configures it, but on a free port of loopback, in front of the real server. */
async function startBehind(name: keyof typeof PROXIES) {
  const folder = await createFolder()
  const [http, https] = [await freePort(), await freePort()]
  const auth = await startProgram({
    DATABASE_URL: database.url,
    PUBLIC_URL: 'https://auth.example.com',
    TRUSTED_PROXIES: '127.0.0.1',
  })
  const document = await readFile(join(ROOT, 'docs/proxies.md'), 'utf8')
  const [, printed = ''] = new RegExp(`^\`\`\`${name}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(document) ?? []
  const snippet = printed
    .replace(/^ *listen \[::\].*\n/gm, '')
    .replace('listen 80;', `listen 127.0.0.1:${http};`)
    .replace('listen 443 ', `listen 127.0.0.1:${https} `)
    .replace('bind :443 ', `bind 127.0.0.1:${https} `)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${auth.env.PORT}`)
    .replaceAll('/etc/ssl/auth.example.com', `${folder}/tls`)
  const { text, args } = PROXIES[name](snippet, folder)
  const tls = join(folder, 'tls')
  const certificate = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=auth.example.com',
  ]
  execFileSync('mkdir', [tls])
  execFileSync(
    'openssl',
    [...certificate, '-keyout', join(tls, 'privkey.pem'), '-out', join(tls, 'fullchain.pem')],
    {
      stdio: 'ignore',
    },
  )
  const parts = await Promise.all(
    ['fullchain.pem', 'privkey.pem'].map((part) => readFile(join(tls, part), 'utf8')),
  )
  await writeFile(`${tls}.pem`, parts.join(''))
  const file = join(folder, 'proxy.conf')
  await writeFile(file, text)
  const child = spawn(...bound(findProgram(name), args(file)))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  })
  const send = (path: string, init: RequestInit = {}) =>
    fetch(`https://127.0.0.1:${https}${path}`, { ...init, ...INSECURE })
  for (let attempt = 0; attempt < 1200; attempt++) {
    if ((await send('/ready').catch(() => null))?.ok) return send
    await pause(50)
  }
  throw new Error(`${name} did not become ready`)
}

const available = (Object.keys(PROXIES) as (keyof typeof PROXIES)[]).filter(findProgram)

test.each(available)('behind %s as documented, a browser keeps the cookie, and it works', async (name) => {
  const send = await startBehind(name)

  const init = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(account()) }
  const [session = ''] = (await send('/auth/register', init)).headers.getSetCookie()
  const me = await send('/auth/me', { headers: { cookie: session.split(';')[0] ?? '' } })

  expect(session).toMatch(/^__Host-servauth=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  expect(me.status).toBe(200)
})

test.each(available)(
  'behind %s as documented, each body that is too large for REST gets 413',
  async (name) => {
    const send = await startBehind(name)
    const body = JSON.stringify({ email: 'a@example.com', password: 'p'.repeat(31 * 1024) })

    const statuses = new Set<number>()
    for (let sent = 0; sent < 40; sent++) {
      statuses.add((await send('/auth/login', { method: 'POST', headers: JSON_TYPE, body })).status)
    }

    expect(statuses).toEqual(new Set([413]))
  },
)
