import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

type Header = { required?: boolean; schema: { type: string } }
type Reference = { $ref: string }
type Answer = { headers?: Record<string, Header | Reference>; content?: Record<string, { schema: object }> }
type Operation = {
  operationId: string
  requestBody?: RequestBody
  responses: Record<string, Answer | Reference>
}
type RequestBody = { content: { 'application/json': { example: object } } }

export type OpenApi = {
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, Answer> }
}

export type Conformance = ReturnType<typeof createConformance>

type Asked = { method: string; path: string }

/** Paths that `schema.graphql` describes, and pages for people. */
const ELSEWHERE = /^\/(graphql|schema\.graphql|docs(\/.*)?)$/

/** Refusals that can happen before the path is known. */
const BEFORE_ROUTING = [
  'FORBIDDEN_ORIGIN',
  'INVALID_INPUT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL',
]

/** Clients accept further members in an answer. Here they are a fault: a member that no schema names may be a secret. */
function closeObject(_name: string, value: unknown) {
  const isObject = typeof value === 'object' && value !== null && 'type' in value && 'properties' in value
  return isObject ? { additionalProperties: false, ...value } : value
}

/** Checks answers against an OpenAPI document: status, media type, body and headers. */
export function createConformance(text: string) {
  const document: OpenApi = JSON.parse(text, closeObject)
  // Each schema is compiled once and used a few times, so a small and slow validator takes half the time.
  const ajv = new Ajv2020({ strict: false, allErrors: true, inlineRefs: false, code: { optimize: false } })
  addFormats.default(ajv)
  ajv.addSchema(document, 'document')
  // A path without a parameter comes first, as in the router.
  const paths = Object.keys(document.paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
  const templates = paths.map((template) => ({
    template,
    matches: new RegExp(`^${template.replaceAll('.', '\\.').replace(/{\w+}/g, '[^/]+')}$`),
  }))
  const validators = new Map<object, ValidateFunction>()

  function resolved<T extends object>(given: T | Reference): T {
    if (!('$ref' in given)) return given
    return given.$ref
      .slice(2)
      .split('/')
      .reduce((value, key) => (value as Record<string, unknown>)[key], document as unknown) as T
  }

  /** References within a schema are resolved in the whole document. */
  function validatorOf(schema: object) {
    const known = validators.get(schema)
    if (known) return known
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/'))
    const validator = ajv.compile(absolute)
    validators.set(schema, validator)
    return validator
  }

  function allowed({ method, path }: Asked, status: number): Answer[] {
    const found = templates.find(({ matches }) => matches.test(path))
    const methods = found && document.paths[found.template]
    const operation = methods?.[method === 'HEAD' ? 'get' : method.toLowerCase()]
    const { responses } = document.components
    const answers = operation
      ? [operation.responses[status]]
      : [
          responses[methods ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND'],
          ...BEFORE_ROUTING.map((code) => responses[code]),
        ]
    return answers.filter((answer) => answer !== undefined).map(resolved)
  }

  /** The differences between the headers of an answer and the document. */
  function headerFaults({ headers = {} }: Answer, given: Headers) {
    const faults = Object.entries(headers).flatMap(([name, described]) => {
      const { required, schema } = resolved(described)
      const value = given.get(name)
      if (value === null) return required ? [`${name} is missing`] : []
      const typed = schema.type === 'integer' ? Number(value) : value
      return ajv.validate(schema, typed) ? [] : [`${name}: ${ajv.errorsText()}`]
    })
    const unknown = ['set-cookie', 'retry-after', 'allow', 'www-authenticate'].filter(
      (name) => given.has(name) && !Object.keys(headers).some((known) => known.toLowerCase() === name),
    )
    return [...faults, ...unknown.map((name) => `${name} is not documented`)]
  }

  function faultsOf(answer: Answer, asked: Asked, headers: Headers, body: string) {
    const type = headers.get('content-type')?.split(';')[0] ?? ''
    const media = answer.content?.[type]
    if (asked.method === 'HEAD') return headerFaults(answer, headers)
    if (!answer.content) return body === '' ? headerFaults(answer, headers) : ['there is a body']
    if (!media) return [`the media type ${type}`]
    const validate = validatorOf(media.schema)
    return validate(JSON.parse(body)) ? headerFaults(answer, headers) : [ajv.errorsText(validate.errors)]
  }

  return {
    document,

    /** @throws when the document does not allow the answer. */
    async check(asked: Asked, response: Response) {
      const { status, headers } = response
      const preflight = asked.method === 'OPTIONS' && headers.has('access-control-allow-methods')
      if (ELSEWHERE.test(asked.path) || preflight) return
      const body = await response.text()
      const answers = allowed(asked, status)
      const faults = answers.map((answer) => faultsOf(answer, asked, headers, body))
      if (faults.some((each) => each.length === 0)) return
      const why = faults.map((each) => each.join(', ')).join('; ') || 'the status'
      throw new Error(
        `The document does not allow what ${asked.method} ${asked.path} answers: ${why}\n${status} ${body}`,
      )
    },
  }
}
