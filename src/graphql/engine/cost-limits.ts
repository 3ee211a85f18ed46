import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  type SelectionNode,
  type ValidationContext,
  visit,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Operation } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'

/** The limits of one document (OWASP GraphQL Cheat Sheet). Each attempt at a credential needs its own request. */
export const GRAPHQL_LIMITS = {
  tokens: 1000,
  repetitions: 50,
  depth: 6,
  aliases: 15,
  directives: 10,
  credentialMutations: 1,
} as const

/** All other mutations count, so that a mutation that is missing here is limited. */
const HARMLESS_MUTATIONS = new Set(
  Object.entries<Operation>(operations)
    .filter(([, operation]) => operation.kind === 'mutation' && !operation.handlesCredential)
    .map(([name]) => name),
)

type Cost = { depth: number; aliases: number; directives: number; credentialMutations: number }

const NOTHING: Cost = { depth: 0, aliases: 0, directives: 0, credentialMutations: 0 }

/** Refuses a document that costs too much, before it is executed. */
export const costLimits: Plugin = {
  onParse: ({ setParseFn }) =>
    setParseFn((source: string, options?: object) =>
      parse(source, { ...options, maxLexicalTokens: GRAPHQL_LIMITS.tokens }),
    ),
  onValidate({ params, addValidationRule, setResult }) {
    if (repeatsTooMuch(params.documentAST as DocumentNode)) {
      setResult([
        new GraphQLError(`The document has more than ${GRAPHQL_LIMITS.repetitions} fields of one name.`),
      ])
    } else addValidationRule(costRule)
  },
}

/** Whether a field stands there too often. Asked before the rules, one of which compares every two fields of a name. */
function repeatsTooMuch(document: DocumentNode) {
  const counts = new Map<string, number>()
  visit(document, {
    Field: ({ alias, name }) => {
      const key = (alias ?? name).value
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
  })
  return Math.max(0, ...counts.values()) > GRAPHQL_LIMITS.repetitions
}

/**
 * Adds up the cost of an operation with its fragments expanded. It visits each fragment once, even if it is spread many
 * times, because fragments that spread each other twice would otherwise take exponential time.
 */
function costRule(context: ValidationContext): ASTVisitor {
  const fragments = new Map<string, Cost>()

  function ofFragment(fragment: FragmentDefinitionNode | null | undefined): Cost {
    if (!fragment) return NOTHING
    const name = fragment.name.value
    const known = fragments.get(name)
    if (known) return known
    // A cycle adds nothing here; another rule refuses cycles.
    fragments.set(name, NOTHING)
    const cost = ofSelections(fragment.selectionSet.selections)
    fragments.set(name, cost)
    return cost
  }

  function ofSelection(node: SelectionNode): Cost {
    const directives = node.directives?.length ?? 0
    if (node.kind === Kind.FRAGMENT_SPREAD)
      return plus(ofFragment(context.getFragment(node.name.value)), { directives })
    if (node.kind === Kind.INLINE_FRAGMENT)
      return plus(ofSelections(node.selectionSet.selections), { directives })

    const name = node.name.value
    const inner = ofSelections(node.selectionSet?.selections ?? [])
    // Introspection needs more levels, and is off in production.
    const depth = name === '__schema' || name === '__type' ? 1 : inner.depth + 1
    // Only root fields are mutations. The fields of a mutation's result are not.
    const credentialMutations = HARMLESS_MUTATIONS.has(name) || name.startsWith('__') ? 0 : 1
    const ofField = { ...inner, depth, credentialMutations }
    return plus(ofField, { directives, aliases: node.alias ? 1 : 0 })
  }

  function ofSelections(selections: readonly SelectionNode[]): Cost {
    return selections
      .map(ofSelection)
      .reduce((sum, cost) => plus(sum, cost, Math.max(sum.depth, cost.depth)), NOTHING)
  }

  return {
    OperationDefinition(operation) {
      const directives = operation.directives?.length ?? 0
      const cost = plus(ofSelections(operation.selectionSet.selections), { directives })
      const isMutation = operation.operation === OperationTypeNode.MUTATION
      const counted = { ...cost, credentialMutations: isMutation ? cost.credentialMutations : 0 }
      for (const [name, max] of Object.entries(GRAPHQL_LIMITS)) {
        if (name in counted && counted[name as keyof Cost] > max) {
          context.reportError(
            new GraphQLError(`The operation has more than ${max} ${WORDS[name as keyof Cost]}.`),
          )
        }
      }
    },
  }
}

const WORDS: Record<keyof Cost, string> = {
  depth: 'levels',
  aliases: 'aliases',
  directives: 'directives',
  credentialMutations: 'mutation that takes or gives a credential',
}

function plus(cost: Cost, more: Partial<Cost>, depth = cost.depth): Cost {
  return {
    depth,
    aliases: cost.aliases + (more.aliases ?? 0),
    directives: cost.directives + (more.directives ?? 0),
    credentialMutations: cost.credentialMutations + (more.credentialMutations ?? 0),
  }
}
