import Mustache from 'mustache'
import { MAIL_KINDS, type MailKind } from './kinds.ts'

const ANY_VARIABLE = /^[A-Za-z]+$/

/** What is wrong with a template of the operator, each in words that follow the name of its file. */
export function findTemplateFaults(kind: MailKind, template: string): string[] {
  const { needs, has } = MAIL_KINDS[kind]
  const allowed: readonly string[] = [...needs, ...has]
  const shown = new Set<string>()
  const faults: string[] = []
  const add = (position: number, fault: string) =>
    faults.push(`, line ${template.slice(0, position).split('\n').length}: ${fault}`)

  function check(tokens: Token[]) {
    for (const [type, name, start, , inner] of tokens) {
      if (type === 'text' || type === '!') continue
      if (type === '&') add(start, 'must write values as {{name}}, which escapes them')
      else if (!(type === 'name' || type === '#' || type === '^'))
        add(start, 'may have {{name}}, {{#name}}, {{^name}} and {{/name}} only')
      else if (!allowed.includes(name)) add(start, describeUnknown(name, allowed))
      else if (type === 'name') shown.add(name)
      if (Array.isArray(inner)) check(inner)
    }
  }

  try {
    check(Mustache.parse(template) as unknown as Token[])
  } catch (error) {
    // The library says where: "Unclosed tag at 45".
    const { message } = error as Error
    const [, what = message, position = '0'] = /^(.*) at (\d+)$/.exec(message) ?? []
    add(Number(position), `is not complete: ${what}`)
    return faults
  }
  return [...faults, ...needs.filter((name) => !shown.has(name)).map((name) => `: must contain {{${name}}}`)]
}

function describeUnknown(name: string, allowed: readonly string[]) {
  const given = ANY_VARIABLE.test(name) ? `{{${name}}} is` : 'that is'
  return `${given} no variable of this mail, which has ${allowed.join(', ')}`
}

type Token = [type: string, name: string, start: number, end: number, inner?: Token[] | string]
