import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toLanguageTag } from '../settings/kinds/language.ts'
import type { MailKind } from './kinds.ts'
import { findTemplateFaults } from './template-faults.ts'
import { BUILT_IN, createTemplates, KINDS, type Template, type Templates, toHtml } from './templates.ts'

const MAX_FILE_BYTES = 256 * 1024
const MAX_SUBJECT_CHARACTERS = 200

/**
 * Reads the operator's templates: `de/password-reset.txt`, whose first line is the subject, and `de/password-reset.html`
 * beside it. What a language does not have is taken from the built-in words of that language.
 * @throws an error that names every fault with its file and line
 */
export async function readTemplateFolder(folder: string): Promise<Record<string, Templates>> {
  const faults: string[] = []
  const found: Record<string, Templates> = {}
  for (const name of await list(folder)) {
    if (!(await stat(join(folder, name))).isDirectory()) {
      if (isTemplateFile(name))
        faults.push(`${name}: must be in the folder of its language, such as en/${name}`)
      continue
    }
    const tag = toLanguageTag(name)
    if (tag === null) faults.push(`${name}/: must be named as a language, such as en or pt-BR`)
    else found[tag] = await readLanguage(folder, name, tag, faults)
  }
  if (faults.length > 0) throw new Error(`MAIL_TEMPLATES has faults:\n  ${faults.join('\n  ')}`)
  return found
}

/** Editors and Kubernetes put hidden files beside. */
const list = async (folder: string) => (await readdir(folder)).filter((name) => !name.startsWith('.')).sort()

const isTemplateFile = (name: string) => /\.(txt|html)$/.test(name)

async function readLanguage(folder: string, name: string, tag: string, faults: string[]) {
  const language = BUILT_IN[tag] ?? BUILT_IN[new Intl.Locale(tag).language]
  const templates: Partial<Templates> = language ? createTemplates(tag, language) : {}
  const files = await list(join(folder, name))
  for (const file of files) {
    const [, kind = '', type] = /^(.+)\.(txt|html)$/.exec(file) ?? []
    const path = `${name}/${file}`
    if (!KINDS.includes(kind as MailKind)) {
      faults.push(`${path}: is no mail; the names are ${KINDS.join(', ')}, each with .txt and .html`)
    } else if (type === 'html' && !files.includes(`${kind}.txt`)) {
      faults.push(`${path}: must have ${kind}.txt beside it, with the subject and the text`)
    }
  }
  for (const kind of KINDS) {
    if (!files.includes(`${kind}.txt`)) continue
    const read = (type: string) => readTemplate(folder, `${name}/${kind}.${type}`, faults)
    const text = await read('txt')
    const html = files.includes(`${kind}.html`) ? await read('html') : undefined
    templates[kind] = createTemplate(tag, kind, text, html, `${name}/${kind}`, faults)
  }
  const missing = KINDS.filter((kind) => !templates[kind])
  if (missing.length > 0) {
    const names = missing.map((kind) => `${kind}.txt`).join(', ')
    faults.push(`${name}/: must have the text of every mail; it lacks ${names}`)
  }
  return templates as Templates
}

async function readTemplate(folder: string, path: string, faults: string[]) {
  const bytes = await readFile(join(folder, path)).catch((error: NodeJS.ErrnoException) => {
    faults.push(`${path}: cannot be read (${error.code})`)
    return Buffer.alloc(0)
  })
  if (bytes.length > MAX_FILE_BYTES) faults.push(`${path}: must have at most ${MAX_FILE_BYTES / 1024} KiB`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch {
    faults.push(`${path}: must be UTF-8`)
    return ''
  }
}

function createTemplate(
  tag: string,
  kind: MailKind,
  content: string,
  html: string | undefined,
  path: string,
  faults: string[],
): Template {
  const [subject = '', ...lines] = content.split('\n')
  const text = lines.join('\n').trim()
  if (!subject.trim() || !text)
    faults.push(`${path}.txt: must have the subject as its first line, and a text below`)
  if (subject.length > MAX_SUBJECT_CHARACTERS || /\p{Cc}/u.test(subject)) {
    faults.push(`${path}.txt, line 1: must be a subject of at most ${MAX_SUBJECT_CHARACTERS} characters`)
  }
  if (subject.includes('{{link}}')) faults.push(`${path}.txt, line 1: must not have {{link}} in the subject`)
  faults.push(...findTemplateFaults(kind, content).map((fault) => `${path}.txt${fault}`))
  if (html !== undefined) {
    faults.push(...findTemplateFaults(kind, html).map((fault) => `${path}.html${fault}`))
  }
  return { subject: subject.trim(), text, html: html ?? toHtml(tag, text) }
}
