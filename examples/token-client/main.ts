import { createInterface } from 'node:readline'
import { describeError } from '../../packages/client/src/rest.ts'
import { createTokenClient } from './client.ts'

const HELP = `Usage: bun examples/token-client/main.ts <command>

  register <e-mail>   create an account (asks for the password, unless PASSWORD is set)
  login <e-mail>      sign in
  show                show the signed-in user, the sessions and the latest events
  logout              sign out

Settings: AUTH_URL (http://localhost:3000), TOKEN_FILE (.servauth-tokens)`

const { AUTH_URL = 'http://localhost:3000', TOKEN_FILE = '.servauth-tokens' } = process.env
const client = createTokenClient({ url: AUTH_URL, file: TOKEN_FILE })
const [command = '', email = ''] = process.argv.slice(2)

try {
  await run()
} catch (fault) {
  console.error(fault instanceof Error ? describeError(fault) : fault)
  process.exitCode = 1
}

async function run() {
  switch (command) {
    case 'register':
      return client.signUp({ email, password: await readPassword() })
    case 'login':
      return client.signIn({ email, password: await readPassword() })
    case 'show': {
      const paths = ['/auth/me', '/auth/sessions', '/auth/events']
      const [me, sessions, events] = await Promise.all(paths.map((path) => client.get(path)))
      return console.log(JSON.stringify({ me, sessions, events }, null, 2))
    }
    case 'logout':
      return client.signOut()
    default:
      console.log(HELP)
  }
}

async function readPassword() {
  if (process.env.PASSWORD) return process.env.PASSWORD
  process.stdout.write('Password: ')
  for await (const line of createInterface({ input: process.stdin })) return line
  throw new Error('There is no password: enter it, or set PASSWORD.')
}
