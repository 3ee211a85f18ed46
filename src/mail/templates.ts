import Mustache from 'mustache'
import { type Language, MAIL_KINDS, type MailKind, type Words } from './kinds.ts'
import { de } from './languages/de.ts'
import { en } from './languages/en.ts'
import { es } from './languages/es.ts'
import { fr } from './languages/fr.ts'

/** The languages that Servauth has words in. */
export const BUILT_IN: Readonly<Record<string, Language>> = { en, de, fr, es }

export const KINDS = Object.keys(MAIL_KINDS) as MailKind[]

/** The parts of a mail of one kind in one language, as Mustache. */
export type Template = { subject: string; text: string; html: string }

/** The templates of one language. */
export type Templates = Record<MailKind, Template>

export function createTemplates(tag: string, language: Language): Templates {
  const templates = KINDS.map((kind) => [kind, createTemplate(tag, language[kind])] as const)
  return Object.fromEntries(templates) as Templates
}

function createTemplate(tag: string, { subject, lines, link }: Words): Template {
  const [first = '', ...rest] = lines
  const anchor = link === undefined ? [] : [`<a href="{{link}}">${escapeHtml(link)}</a>`]
  return {
    subject,
    text: [first, ...(link === undefined ? [] : ['{{link}}']), ...rest].join('\n\n'),
    html: createPage(tag, [escapeHtml(first), ...anchor, ...rest.map(escapeHtml)]),
  }
}

/** The HTML for a text that has none: its paragraphs, with links that can be followed. */
export function toHtml(tag: string, text: string) {
  const paragraphs = text.trim().split(/\n[ \t]*\n+/)
  return createPage(
    tag,
    paragraphs.map((paragraph) =>
      escapeHtml(paragraph)
        .replaceAll('\n', '<br>\n')
        .replaceAll(/\{\{\s*link\s*\}\}/g, '<a href="{{link}}">{{link}}</a>'),
    ),
  )
}

function createPage(tag: string, paragraphs: string[]) {
  const body = paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('\n')
  return `<!doctype html>\n<html lang="${tag}" dir="${new Intl.Locale(tag).getTextInfo().direction ?? 'ltr'}">\n<body>\n${body}\n</body>\n</html>`
}

/** Fills in a template. Values are escaped for HTML, but not in plain text. */
export function fillIn(template: string, values: object, isHtml: boolean) {
  return Mustache.render(template, values, undefined, { escape: isHtml ? escapeHtml : String })
}

function escapeHtml(text: string) {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return String(text).replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
