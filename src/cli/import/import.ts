import { open } from 'node:fs/promises'
import { addressOf, type Judged, type Outcome } from '../../auth/operator/import.ts'
import { Failure } from '../failure.ts'
import { withService } from '../with-service.ts'
import { type BetterAuthUser, openBetterAuth } from './better-auth.ts'

type Source = Record<string, string | undefined>
type Options = { dryRun?: boolean; map?: string }

const PATIENCE_MS = 2000
const SHOWN = 20
const DONE: Outcome[] = ['imported', 'imported before']

/** Takes over the accounts of a Better-Auth database that have a password; one that is here already stays as it is. */
export async function importBetterAuth(source: Source, url: string, { dryRun = false, map }: Options) {
  const there = await openBetterAuth(url)
  try {
    await withService(source, async ({ importAccounts }) => {
      const total = await there.count()
      const progress = createProgress(total)
      const list = await createList(map)
      const report = createReport()
      try {
        const isAmbiguous = await findAmbiguous(there.addresses())
        for await (const batch of there.users()) {
          const judged = await importAccounts(batch, { dryRun, isAmbiguous })
          for (const [index, user] of batch.entries()) {
            const found = judged[index]
            if (!found) throw new TypeError('An account was not judged')
            report.add(user, found)
            await list.add([user.id, DONE.includes(found.outcome) ? found.id : '', user.email, found.outcome])
          }
          progress.add(batch.length)
        }
      } finally {
        progress.stop()
        await list.close()
      }
      report.print({ dryRun, map })
    })
  } finally {
    await there.close()
  }
}

/** The addresses that more than one account has, as they are compared here. */
async function findAmbiguous(addresses: AsyncIterable<string[]>) {
  const [seen, twice] = [new Set<string>(), new Set<string>()]
  for await (const batch of addresses) {
    for (const address of batch.map(addressOf)) {
      if (address === null) continue
      if (seen.has(address)) twice.add(address)
      seen.add(address)
    }
  }
  return (email: string) => twice.has(email)
}

function createProgress(total: number) {
  let done = 0
  const timer = setInterval(() => console.log(`  … ${done} of ${total}`), PATIENCE_MS)
  return {
    add(count: number) {
      done += count
    },
    stop: () => clearInterval(timer),
  }
}

/** Quoted, and with a `'` before what a spreadsheet would take for a formula (OWASP, CSV Injection). */
function csvField(field: string) {
  return `"${field.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`
}

/** What became of each account, as CSV (RFC 4180); it names people, so it is for its owner's eyes. */
async function createList(path: string | undefined) {
  const file = path === undefined ? undefined : await open(path, 'w', 0o600).catch(cannotWrite(path))
  const line = (fields: string[]) => `${fields.map(csvField).join(',')}\r\n`
  await file?.write(line(['id there', 'id here', 'address', 'outcome']))
  return {
    add: async (fields: string[]) => void (await file?.write(line(fields))),
    close: async () => void (await file?.close()),
  }
}

function cannotWrite(path: string) {
  return (fault: unknown): never => {
    const { code } = fault as NodeJS.ErrnoException
    throw new Failure(`The file ${path} cannot be written (${code}).`, { cause: fault })
  }
}

function createReport() {
  const counts = new Map<Outcome, number>()
  const examples = new Map<Outcome, string[]>()
  const notes = { newId: 0, banned: 0, secondFactor: 0, social: 0, usernameLost: 0 }

  return {
    add(user: BetterAuthUser, { id, usernameLost, outcome }: Judged) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      if (DONE.includes(outcome)) {
        notes.newId += Number(id !== user.id.toLowerCase())
        if (outcome === 'imported') {
          notes.banned += Number(user.banned)
          notes.secondFactor += Number(user.secondFactor)
          notes.social += Number(user.social !== null)
          notes.usernameLost += Number(usernameLost)
        }
        return
      }
      const some = examples.get(outcome) ?? []
      const ways = outcome === 'no password' && user.social ? `, signs in by ${user.social}` : ''
      if (some.length < SHOWN) examples.set(outcome, [...some, `${user.email} (${user.id}${ways})`])
    },

    print({ dryRun, map }: { dryRun: boolean; map: string | undefined }) {
      const made = counts.get('imported') ?? 0
      console.log(dryRun ? `${made} would be imported; nothing was changed.` : `${made} imported.`)
      const before = counts.get('imported before')
      if (before) console.log(`${before} imported before, and left as they are.`)
      for (const [outcome, some] of examples) {
        const count = counts.get(outcome) ?? 0
        console.log(`\n${count} not imported: ${outcome}.`)
        for (const each of some) console.log(`  ${printable(each)}`)
        if (count > some.length)
          console.log(`  and ${count - some.length} more${map ? '' : '; --map lists them all'}`)
      }
      const said = [
        [notes.newId, `got a new id, as theirs is no UUID${map ? '' : '; --map writes which'}`],
        [notes.banned, 'banned there, and disabled here'],
        [notes.secondFactor, 'with a second factor there; here the password is all it takes'],
        [notes.social, 'with a social sign-in beside the password, which is not moved'],
        [notes.usernameLost, 'without their name, which is too long or not plain text'],
      ] as const
      if (said.some(([count]) => count > 0)) console.log('')
      for (const [count, what] of said) if (count > 0) console.log(`${count} ${what}.`)
      console.log(
        `\nSessions are not moved: everybody signs in once more.${map ? ` The list is in ${map}.` : ''}`,
      )
    },
  }
}

/** What another database holds must not speak to the terminal. */
const printable = (text: string) => text.replace(/[\p{Cc}\p{Cf}]/gu, '?')
