import {
  extendSchema,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  GraphQLUnionType,
  Kind,
  parse,
  print,
  printSchema,
  visit,
} from 'graphql'
import { z } from 'zod'
import { presentsServiceKey, serviceOf } from '../../contract/caller.ts'
import { UserId } from '../../contract/fields.ts'
import type { User } from '../../contract/outputs/user.ts'
import { invalid } from '../../errors.ts'
import type { GraphQLContext } from './builder.ts'

/** The users with these ids, as far as they exist. */
type FindUsers = (ids: string[]) => Promise<Map<string, User>>

const ENTITY = 'User'
const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])'

const ADDITIONS = parse(`
  scalar _Any
  union _Entity = ${ENTITY}
  type _Service { sdl: String! }
  extend type Query {
    _service: _Service!
    _entities(representations: [_Any!]!): [_Entity]!
  }
`)

/** Any text: references come from other services, and a wrong one must not hide the users of the others. */
const Representations = z.array(z.object({ __typename: z.literal(ENTITY), id: z.string().toLowerCase() }))

const isUserId = (id: string) => UserId.safeParse(id).success

type Resolve = GraphQLFieldResolver<unknown, GraphQLContext>

/** The schema as a subgraph of Apollo Federation 2, whose entity is the user. */
export function createSubgraph(schema: GraphQLSchema, findUsers: FindUsers): GraphQLSchema {
  const subgraph = extendSchema(schema, ADDITIONS)
  const sdl = printSubgraph(schema)

  const resolveService: Resolve = () => ({ sdl })

  /** The caller itself. A service with the scope `users:read` gets other users too. Every other entity is null. */
  const resolveEntities: Resolve = async (_root, args, { core, caller }) => {
    const { data } = Representations.safeParse(args.representations)
    if (!data) throw invalid('representations', 'Must be users with their ids.')
    const ids = data.map(({ id }) => id)
    if (presentsServiceKey(caller)) {
      await serviceOf(caller, 'users:read')
      const users = await findUsers([...new Set(ids.filter(isUserId))])
      return ids.map((id) => users.get(id) ?? null)
    }
    const self = await core.me(undefined, caller)
    return ids.map((id) => (id === self?.id ? self : null))
  }

  const { _service, _entities } = subgraph.getQueryType()?.getFields() ?? {}
  const entity = subgraph.getType('_Entity')
  if (!_service || !_entities || !(entity instanceof GraphQLUnionType)) throw new TypeError('No subgraph')
  _service.resolve = resolveService as never
  _entities.resolve = resolveEntities as never
  entity.resolveType = () => ENTITY
  return subgraph
}

/** The text that a composer reads: the schema without the additions, with the key of its entity. */
function printSubgraph(schema: GraphQLSchema) {
  const key = parse(`type ${ENTITY} @key(fields: "id")`).definitions[0]
  const document = visit(parse(printSchema(schema)), {
    [Kind.OBJECT_TYPE_DEFINITION]: (node) =>
      node.name.value === ENTITY && key?.kind === Kind.OBJECT_TYPE_DEFINITION
        ? { ...node, directives: key.directives ?? [] }
        : undefined,
  })
  return `${LINK}\n\n${print(document)}\n`
}
