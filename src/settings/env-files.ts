import { readFileSync } from 'node:fs'

type Environment = Record<string, string | undefined>

const MODES = ['production', 'development', 'test']

/** The files that Bun reads by itself, from the folder in which it starts. */
const FILES = ['.env', '.env.local', ...MODES.flatMap((mode) => [`.env.${mode}`, `.env.${mode}.local`])]

/** What Windows PowerShell 5 writes with `>`. */
const UTF_16_MARK = /^(\xff\xfe|\xfe\xff)/

const LINE = /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(.*?)[ \t\r]*$/gm
const VARIABLE = /\\\$|\$\{?(\w+)(:-[^}]*)?\}?/g

/**
 * Bun cuts a value in its files at `#`, and replaces `$NAME` even in quotation marks. So a password loses characters
 * silently. Returns the settings that lost some. The `$NAME` of a variable that is set is assumed to be intended.
 */
export function findLostCharacters(given: Environment, names: string[]) {
  return FILES.flatMap((file) =>
    [...readFile(file).matchAll(LINE)].flatMap(([, name = '', raw = '']) => {
      if (!names.includes(name) || (given[name] ?? '') !== readAsBun(raw, given)) return []
      const advice = findLoss(raw, given)
      return advice ? [`${name}: ${advice.replace('FILE', file)}`] : []
    }),
  )
}

/** Faults of the files themselves. Without `NODE_ENV`, Bun reads those of development, but Servauth runs in production. */
export function findUnusableFiles({ NODE_ENV }: Environment) {
  return FILES.flatMap((name) => {
    const content = readFile(name, 'latin1')
    if (UTF_16_MARK.test(content)) return [`${name}: is in UTF-16, which Bun does not read: save it as UTF-8`]
    return content && name.startsWith('.env.development') && NODE_ENV === undefined
      ? [`NODE_ENV: is not set, so this is production, but Bun has read ${name}: set it in the environment`]
      : []
  })
}

function findLoss(raw: string, given: Environment) {
  if (!unquote(raw) && /\S#/.test(raw))
    return 'is cut off at a # in FILE: put the value in quotation marks there'
  const isLost = [...withoutComment(raw).matchAll(VARIABLE)].some(
    ([, variable, fallback]) =>
      variable !== undefined && fallback === undefined && given[variable] === undefined,
  )
  return isLost
    ? 'has a $ in FILE that Bun takes for a variable, which is not set: write \\$ there'
    : undefined
}

function readAsBun(raw: string, given: Environment) {
  return withoutComment(raw)
    .replaceAll(VARIABLE, (whole, variable: string | undefined, fallback = '') =>
      variable === undefined ? whole.slice(1) : (given[variable] ?? fallback.slice(2)),
    )
    .trim()
}

const unquote = (raw: string) => /^(["'`])(.*)\1/.exec(raw)?.[2]

const withoutComment = (raw: string) => unquote(raw) ?? raw.replace(/#.*/, '')

function readFile(name: string, encoding: 'utf8' | 'latin1' = 'utf8') {
  try {
    return readFileSync(name, encoding)
  } catch {
    return ''
  }
}
