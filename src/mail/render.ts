import { recogniseBrowser } from './browser-names.ts'
import type { MailData, Message } from './kinds.ts'
import { createLanguages, type Languages } from './languages.ts'
import { readTemplateFolder } from './template-folder.ts'
import { BUILT_IN, createTemplates, fillIn, type Templates } from './templates.ts'

export type Mails = {
  /** The languages with a text of every kind. */
  tags: string[]
  languages: Languages
  templates: (tag: string) => Templates
  render: (data: MailData) => Message
}

type Options = {
  /** The operator's templates. */
  folder: string | undefined
  /** The languages to write in, the default first. Without it, all that have texts, English first. */
  only: readonly string[] | undefined
  /** The name that mails come from. */
  sender: string
}

/** Reads and checks the words of mails. @throws an error that names every fault */
export async function createMails({ folder, only, sender }: Options): Promise<Mails> {
  const built = Object.entries(BUILT_IN).map(([tag, words]) => [tag, createTemplates(tag, words)] as const)
  const all = new Map([...built, ...Object.entries(folder ? await readTemplateFolder(folder) : {})])
  const tags = [...(only ?? all.keys())]
  const unknown = tags.filter((tag) => !all.has(tag))
  if (unknown.length > 0) {
    const advice = `there are texts in ${[...all.keys()].join(', ')}. Write others into a folder for MAIL_TEMPLATES`
    throw new Error(`MAIL_LANGUAGES: has no texts in ${unknown.join(', ')}; ${advice}.`)
  }
  const languages = createLanguages(tags)

  function templates(tag: string) {
    const found = all.get(tag)
    if (!found) throw new TypeError(`There are no mails in ${tag}`)
    return found
  }

  return {
    tags,
    languages,
    templates,
    render(data) {
      const tag = languages.find(data.locale)
      const { subject, text, html } = templates(tag)[data.kind]
      const values = toValues(data, toFormatLocale(data.locale, tag), sender)
      return {
        to: data.to,
        // No value can break the line of a header.
        subject: fillIn(subject, values, false).replace(/\p{Cc}+/gu, ' '),
        text: `${fillIn(text, values, false)}\n`,
        html: fillIn(html, values, true),
      }
    },
  }
}

/** Times and numbers as in the reader's own region, if the mail is in the reader's language. English is British. */
function toFormatLocale(locale: string | null, tag: string) {
  const own = locale !== null && locale.split('-')[0] === tag.split('-')[0] ? locale : tag
  return own === 'en' ? 'en-GB' : own
}

function toValues(data: MailData, locale: string, sender: string) {
  const { at, count = 1, link, address, endsAnother, name, session, validSeconds, waitSeconds } = data
  const program = session?.userAgent == null ? undefined : recogniseBrowser(session.userAgent)
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return {
    link,
    address,
    endsAnother,
    name: name == null ? undefined : toSafeName(name),
    sender,
    time: `${time.format(at)} UTC`,
    count: count > 1 ? new Intl.NumberFormat(locale).format(count) : undefined,
    validity: validSeconds === undefined ? undefined : formatDuration(locale, validSeconds),
    wait: waitSeconds === undefined ? undefined : formatDuration(locale, waitSeconds),
    ipAddress: session?.ipAddress,
    browser: program?.browser,
    system: program?.system,
    unknownBrowser: program !== undefined && program.browser === undefined,
  }
}

function formatDuration(locale: string, seconds: number) {
  // A moment of the time has passed already.
  const minutes = Math.max(1, Math.round(seconds / 60))
  const [value, unit] = minutes < 60 ? [minutes, 'minute'] : [Math.floor(minutes / 60), 'hour']
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}

/** Mail programs make a link of such a text. Users choose their names, so a name could be a message to a reader. */
const LOOKS_LIKE_LINK = /\S[.:@/\\]\S/
const DIRECTION_MARKS = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u
const [ISOLATE, END_OF_ISOLATE] = ['\u2068', '\u2069']

/** A user name that cannot become a link, and cannot change the direction of the text around it. */
function toSafeName(name: string) {
  if (LOOKS_LIKE_LINK.test(name)) return undefined
  const text = name.replaceAll(DIRECTION_MARKS, '')
  return RIGHT_TO_LEFT.test(text) ? `${ISOLATE}${text}${END_OF_ISOLATE}` : text
}
