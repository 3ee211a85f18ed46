import {
  type DirectiveNode,
  type FieldNode,
  GraphQLIncludeDirective,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  getNamedType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** What a document selects of a value. */
type Select = (value: unknown) => unknown
/** `isConditional`: whether the selection depends on `@skip` or `@include`, which may depend on variables. */
type Selection = { info: GraphQLResolveInfo; isConditional: boolean }

/** The answer of a root field, in which the selected fields have been picked already. */
const Answer = new GraphQLScalarType({ name: 'Answer', serialize: (value) => value })

export const isAnswer = (type: GraphQLOutputType | undefined) => getNamedType(type) === Answer

/**
 * The same schema for execution. The functions of the core return plain data, so no field below a root field has a
 * resolver. graphql-js completes each field of each row as if it had one, which takes longer than the rest of a list. Here a
 * root field picks what the document selects, and its type is a leaf. The document was validated with the real schema.
 */
export function withPlainAnswers(schema: GraphQLSchema) {
  const query = schema.getQueryType()
  const mutation = schema.getMutationType()
  return new GraphQLSchema({
    query: query && withAnswers(query),
    mutation: mutation && withAnswers(mutation),
  })
}

function withAnswers(type: GraphQLObjectType) {
  const config = type.toConfig()
  const fields = Object.entries(config.fields).map(([name, field]) => {
    const { resolve } = field
    if (!resolve || !isPlain(field.type)) return [name, field] as const
    const select = createSelect(field.type)
    const answer: typeof resolve = (root, args, context, info) => {
      const value: unknown = resolve(root, args, context, info)
      return value instanceof Promise ? value.then((found) => select(found, info)) : select(value, info)
    }
    const answerType = isNonNullType(field.type) ? new GraphQLNonNull(Answer) : Answer
    return [name, { ...field, type: answerType, resolve: answer }] as const
  })
  return new GraphQLObjectType({ ...config, fields: Object.fromEntries(fields) })
}

/** Whether all fields below have no resolver and no arguments, and no type is abstract. */
function isPlain(type: GraphQLOutputType, seen = new Set<unknown>()): boolean {
  const named = getNamedType(type)
  if (isLeafType(named) || seen.has(named)) return true
  seen.add(named)
  return (
    isObjectType(named) &&
    Object.values(named.getFields()).every(
      (field) => !field.resolve && field.args.length === 0 && isPlain(field.type, seen),
    )
  )
}

/** Selects by the nodes of a field. What does not depend on variables is kept for each node of a cached document. */
function createSelect(type: GraphQLOutputType) {
  const kept = new WeakMap<FieldNode, Select>()
  return function selectFrom(value: unknown, info: GraphQLResolveInfo) {
    const [node, ...others] = info.fieldNodes
    const known = node && others.length === 0 ? kept.get(node) : undefined
    if (known) return known(value)
    const selection = { info, isConditional: false }
    const select = selectOf(type, info.fieldNodes, selection)
    if (node && others.length === 0 && !selection.isConditional) kept.set(node, select)
    return select(value)
  }
}

/** GraphQL, section 6.4.3: completes a value of this type. */
function selectOf(type: GraphQLOutputType, nodes: readonly FieldNode[], selection: Selection): Select {
  if (isNonNullType(type)) {
    const select = selectOf(type.ofType, nodes, selection)
    return (value) => {
      const selected = select(value)
      if (selected === null) throw new TypeError(`A value of the type ${type} is null`)
      return selected
    }
  }
  const select = selectNonNull(type, nodes, selection)
  return (value) => (value === null || value === undefined ? null : select(value))
}

function selectNonNull(type: GraphQLOutputType, nodes: readonly FieldNode[], selection: Selection): Select {
  if (isLeafType(type)) return (value) => type.serialize(value)
  if (isListType(type)) {
    const select = selectOf(type.ofType, nodes, selection)
    return (values) => (values as unknown[]).map(select)
  }
  if (!isObjectType(type)) throw new TypeError(`The type ${type} is not plain`)
  const fields = [...collect(nodes, selection)].map(([key, fieldNodes]) => {
    const name = fieldNodes[0]?.name.value ?? ''
    const field = type.getFields()[name]
    // The only other field of a valid document is `__typename`.
    const select = field ? selectOf(field.type, fieldNodes, selection) : () => type.name
    return { key, name, select }
  })
  return (value) => {
    // Without a prototype, because `__proto__` may be an alias.
    const selected: Record<string, unknown> = Object.create(null)
    for (const { key, name, select } of fields)
      selected[key] = select((value as Record<string, unknown>)[name])
    return selected
  }
}

/** GraphQL, section 6.3.2: the fields of these nodes by their key in the answer. All types are known, so all fragments apply. */
function collect(nodes: readonly FieldNode[], selection: Selection) {
  const fields = new Map<string, FieldNode[]>()
  const spread = new Set<string>()
  const { fragments, variableValues } = selection.info

  function isIncluded(node: { directives?: readonly DirectiveNode[] }) {
    if (!node.directives?.length) return true
    selection.isConditional = true
    const skip = getDirectiveValues(GraphQLSkipDirective, node, variableValues)
    const include = getDirectiveValues(GraphQLIncludeDirective, node, variableValues)
    return skip?.if !== true && include?.if !== false
  }

  function add(set: SelectionSetNode | undefined) {
    for (const node of set?.selections ?? []) {
      if (!isIncluded(node)) continue
      if (node.kind === Kind.FIELD) {
        const key = node.alias?.value ?? node.name.value
        fields.set(key, [...(fields.get(key) ?? []), node])
      } else if (node.kind === Kind.INLINE_FRAGMENT) add(node.selectionSet)
      else if (!spread.has(node.name.value)) {
        spread.add(node.name.value)
        add(fragments[node.name.value]?.selectionSet)
      }
    }
  }

  for (const { selectionSet } of nodes) add(selectionSet)
  return fields
}
