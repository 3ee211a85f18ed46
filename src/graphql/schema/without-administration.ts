import { GraphQLObjectType, GraphQLSchema } from 'graphql'
import type { Operation } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'

const isAdministration = (name: string) =>
  (operations as Record<string, Operation>)[name]?.permission !== undefined

/** The schema without the operations of administration, and without the types that only these use. */
export function withoutAdministration(schema: GraphQLSchema): GraphQLSchema {
  const [query, mutation] = [schema.getQueryType(), schema.getMutationType()].map(
    (type) => type && withoutFields(type),
  )
  return new GraphQLSchema({ ...schema.toConfig(), types: [], query, mutation })
}

function withoutFields(type: GraphQLObjectType) {
  const { fields, ...config } = type.toConfig()
  const kept = Object.entries(fields).filter(([name]) => !isAdministration(name))
  return new GraphQLObjectType({ ...config, fields: Object.fromEntries(kept) })
}
