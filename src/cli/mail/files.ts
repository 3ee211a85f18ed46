import { mkdir, readdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toMailOptions } from '../../compose.ts'
import { loadEnv } from '../../env.ts'
import type { MailData, MailKind } from '../../mail/kinds.ts'
import { createMails, type Mails } from '../../mail/render.ts'
import { KINDS } from '../../mail/templates.ts'
import { CommandError } from '../support/command-error.ts'
import type { Environment } from '../support/with-core.ts'

/** The page that lists the others. A folder that has it was written before, and can be written again. */
const INDEX = 'index.html'

/** Renders every mail in every language into a folder, with values as real ones have them. */
export async function previewMails(environment: Environment, folder: string) {
  const env = loadEnv(environment)
  const mails = await createMails(toMailOptions(env))
  await prepareFolder(folder, env.MAIL_TEMPLATES)
  const pages: string[] = []
  for (const [tag, kind] of listMails(mails)) {
    const { subject, text, html } = mails.render(createExample(kind, tag, env.APP_URL))
    await writeMail(folder, tag, kind, { text: `${subject}\n\n${text}`, html })
    pages.push(`<li><a href="${tag}/${kind}.html">${tag}: ${kind}</a>`)
  }
  await writeFile(
    join(folder, INDEX),
    `<!doctype html>\n<title>Mails</title>\n<ul>\n${pages.join('\n')}\n</ul>\n`,
  )
  console.log(`Wrote ${pages.length} mails in ${mails.tags.join(', ')}. Open ${join(folder, INDEX)}`)
}

/** Writes the words of every mail as templates into an empty folder, to be changed there. */
export async function exportTemplates(environment: Environment, folder: string) {
  const mails = await createMails(toMailOptions(loadEnv(environment)))
  await prepareFolder(folder)
  const all = listMails(mails)
  for (const [tag, kind] of all) {
    const { subject, text, html } = mails.templates(tag)[kind]
    await writeMail(folder, tag, kind, { text: `${subject}\n\n${text}\n`, html: `${html}\n` })
  }
  console.log(
    `Wrote ${all.length} templates. Change them, remove the others, and set MAIL_TEMPLATES=${folder}`,
  )
}

const listMails = ({ tags }: Mails) => tags.flatMap((tag) => KINDS.map((kind) => [tag, kind] as const))

/** @throws unless the folder is new, empty, or written by this command before */
async function prepareFolder(folder: string, templates?: string) {
  await mkdir(folder, { recursive: true })
  const names = await readdir(folder)
  const isSource = templates !== undefined && (await realpath(folder)) === (await realpath(templates))
  if (isSource || (names.length > 0 && !names.includes(INDEX))) {
    throw new CommandError(`${folder} has other files. Name a folder that is new or empty.`)
  }
}

async function writeMail(
  folder: string,
  tag: string,
  kind: MailKind,
  { text, html }: { text: string; html: string },
) {
  await mkdir(join(folder, tag), { recursive: true })
  await writeFile(join(folder, tag, `${kind}.txt`), text)
  await writeFile(join(folder, tag, `${kind}.html`), html)
}

function createExample(kind: MailKind, tag: string, appUrl: string): MailData {
  return {
    kind,
    to: 'ada@example.com',
    locale: tag,
    name: 'Ada',
    at: new Date('2026-11-24T10:15:00Z'),
    count: 3,
    link: `${appUrl}/${kind}#token=EXAMPLE`,
    validSeconds: 3600,
    waitSeconds: 72 * 3600,
    address: 'ada.lovelace@example.com',
    endsAnother: true,
    session: {
      ipAddress: '203.0.113.7',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    },
  }
}
