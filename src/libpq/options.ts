import type { Refuse } from './parameters.ts'

/** What Servauth sets on each connection, in lower case. `db/connection/session.ts` has the values. */
const OWN_SETTINGS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
  'exit_on_error',
  'client_encoding',
  'standard_conforming_strings',
  'array_nulls',
  'transform_null_equals',
  'datestyle',
  'intervalstyle',
  'timezone',
  'bytea_output',
  'extra_float_digits',
  'default_transaction_isolation',
  'default_transaction_deferrable',
  'row_security',
  'jit',
  'default_table_access_method',
  'check_function_bodies',
  'client_min_messages',
  'quote_all_identifiers',
  'log_parameter_max_length_on_error',
  'synchronous_commit',
] as const

export type OwnSetting = (typeof OWN_SETTINGS)[number]

export const isOwnSetting = (name: string) => OWN_SETTINGS.some((own) => own === name.toLowerCase())

/**
 * Separates `-c name=value` and `--name=value` from the rest of `options`. Servauth sets them by a statement like its
 * own settings, because a pooler may refuse or drop startup parameters.
 */
export function readOptions(options: string, refuse: Refuse) {
  const words = options.match(/(?:\\.|[^\s\\])+/gs)?.map((word) => word.replace(/\\(.)/gs, '$1')) ?? []
  const found: Record<string, string> = {}
  const rest: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const setting = word === '-c' ? words[++index] : /^(?:-c|--)(.+)$/s.exec(word)?.[1]
    const [, name, value] = /^([\w.-]+)=(.*)$/s.exec(setting ?? '') ?? []
    if (name !== undefined && isOwnSetting(name.replaceAll('-', '_')))
      refuse('options', `sets ${name}, which the server sets itself: leave it out`)
    else if (name !== undefined && value !== undefined) found[name.replaceAll('-', '_').toLowerCase()] = value
    else if (setting !== undefined || word === '-c') refuse('options', 'has a -c that is not -c name=value')
    else rest.push(word.replace(/[\s\\]/g, '\\$&'))
  }
  const { search_path: searchPath, ...settings } = found
  return { settings, searchPath, rest: rest.length > 0 ? rest.join(' ') : undefined }
}
