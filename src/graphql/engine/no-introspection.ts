import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Without introspection the schema is hidden, so no error may name its fields, as "Did you mean …" does. */
export const noIntrospection: Plugin = {
  onValidate({ addValidationRule }) {
    addValidationRule(NoSchemaIntrospectionCustomRule)
    return ({ result, setResult, valid }) => {
      if (!valid) setResult((result as GraphQLError[]).map(withoutSuggestion))
    }
  },
}

/** graphql 16 has no option to turn its suggestions off. They are always at the end of a message. */
function withoutSuggestion({ message, nodes, extensions }: GraphQLError) {
  return new GraphQLError(message.split(' Did you mean ')[0] ?? '', { nodes: nodes ?? null, extensions })
}
