import { readFileSync } from 'node:fs'

const TITLE =
  /(?:\b(?:test|describe|inBrowser)(?:\.concurrent)?|\))\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"([^"\n]*)"|`([^`\n]*)`),/g

/** The names of tests and groups as a test file writes them, with `%s` and the like; undefined without such a file. */
function namesIn(file: string) {
  try {
    const source = readFileSync(`tests/${file}.test.ts`, 'utf8')
    return [...source.matchAll(TITLE)].map(
      ([, single, double, template]) => single ?? double ?? template ?? '',
    )
  } catch {
    return undefined
  }
}

/**
 * The tests that a document names and that do not exist. A document names a test by its file, as in `login`, and
 * words of its name in quotes; several names may follow one file. Quotes without a file before them in
 * the same line or table cell are not names.
 */
export function findMissingTests(document: string) {
  return document.split(/[|\n]/).flatMap((part) => {
    let file = ''
    let names: string[] | undefined
    return [...part.matchAll(/`([\w-]+)`|"([^"]+)"/g)].flatMap(([, code, words]) => {
      const found = code && namesIn(code)
      if (found) [file, names] = [code, found]
      if (!words || !names || names.some((name) => name.includes(words))) return []
      return [`${file} "${words}"`]
    })
  })
}
