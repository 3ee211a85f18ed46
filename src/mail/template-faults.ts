import Mustache from 'mustache'
import { MAIL_KINDS, type MailKind } from './kinds.ts'

const ANY_VARIABLE = /^[A-Za-z]+$/
/** Values that each mail has that may show them. */
const ALWAYS_THERE = new Set(['link', 'address', 'validity', 'time'])

/** What is wrong with a template of the operator, each in words that follow the name of its file. */
export function findTemplateFaults(kind: MailKind, template: string): string[] {
  const { needs, has } = MAIL_KINDS[kind]
  const allowed: readonly string[] = [...needs, ...has]
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
      if (Array.isArray(inner)) check(inner)
    }
  }

  let tokens: Token[]
  try {
    tokens = Mustache.parse(template) as unknown as Token[]
    check(tokens)
  } catch (error) {
    // The library says where: "Unclosed tag at 45".
    const { message } = error as Error
    const [, what = message, position = '0'] = /^(.*) at (\d+)$/.exec(message) ?? []
    add(Number(position), `is not complete: ${what}`)
    return faults
  }
  const lacking = needs.filter((name) => !isAlwaysShown(name, tokens))
  return [
    ...faults,
    ...lacking.map((name) => `: must contain {{${name}}}, and not in a section that can be left out`),
  ]
}

/** Outside of sections, in that of a value that each mail has, or in both sections of another one: {{#name}} and {{^name}}. */
function isAlwaysShown(wanted: string, tokens: Token[]): boolean {
  const isIn = (type: string, section: string) =>
    tokens.some(
      ([kind, name, , , inner]) =>
        kind === type && name === section && Array.isArray(inner) && isAlwaysShown(wanted, inner),
    )
  return tokens.some(([type, name]) => {
    if (type === 'name') return name === wanted
    return type === '#' && isIn('#', name) && (ALWAYS_THERE.has(name) || isIn('^', name))
  })
}

function describeUnknown(name: string, allowed: readonly string[]) {
  const given = ANY_VARIABLE.test(name) ? `{{${name}}} is` : 'that is'
  return `${given} no variable of this mail, which has ${allowed.join(', ')}`
}

type Token = [type: string, name: string, start: number, end: number, inner?: Token[] | string]
