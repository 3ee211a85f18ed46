import type { z } from 'zod'
import { codesOf, fieldLocationsOf, type Operation, objectIn } from '../../contract/operation.ts'
import { type OperationName, operations } from '../../contract/operations.ts'
import { parse } from '../../contract/parse.ts'
import { builder, type GraphQLContext } from './builder.ts'
import { inputOf, outputOf } from './from-zod.ts'

/** Adds a root field for each operation of the contract. */
export function addRootFields() {
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const options = optionsOf(name as OperationName, operation)
    if (operation.kind === 'query') builder.queryField(name, (t) => t.field(options))
    else builder.mutationField(name, (t) => t.field(options))
  }
}

function optionsOf(name: OperationName, operation: Operation) {
  const { input, output } = operation
  const takesInput = fieldLocationsOf(operation).body.length > 0
  type Args = { input?: object | null }

  let last: { args: Args; parsed: unknown } | undefined

  function read(args: Args): unknown {
    if (!input) return undefined
    if (takesInput) return args.input ?? input.parse(undefined)
    // The plugin has parsed an input object. Plain arguments are parsed here, because the plugin would wait for them.
    const parsed = last?.args === args ? last.parsed : parse(input, withoutNulls(args))
    // The engine passes the same object again for the same variables of a query.
    if (operation.kind === 'query') last = { args, parsed }
    return parsed
  }

  return {
    ...outputOf(output),
    description: descriptionOf(operation),
    args: input ? argumentsOf(input, takesInput) : {},
    resolve(_root: unknown, args: Args, { core, caller }: GraphQLContext) {
      // The schema of this operation parses the input. The types of a loop cannot express that.
      return core[name](read(args) as never, caller)
    },
    // Pothos infers the types of a field from literal options, but these options are derived.
  } as never
}

function argumentsOf(input: z.ZodType, takesInput: boolean) {
  const schemas = takesInput ? { input } : objectIn(input).shape
  return builder.args((t) =>
    Object.fromEntries(
      Object.entries(schemas).map(([name, schema]) => [name, t.field(inputOf(schema) as never)]),
    ),
  )
}

/** A plain argument that is null counts as left out. */
function withoutNulls(args: object) {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))
}

function descriptionOf(operation: Operation) {
  const codes = codesOf(operation).map((code) => `\`${code}\``)
  return `${operation.summary}.\n\n${operation.description}\n\nRefusals: ${codes.join(', ')}.`
}
