import {
  type ASTVisitor,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  type SelectionNode,
  type ValidationContext,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** What one document may ask for (OWASP GraphQL Cheat Sheet). */
const LIMITS = { tokens: 1000, depth: 6, aliases: 15, directives: 10, credentialMutations: 1 } as const

/** Each attempt at a credential is a request of its own, or aliases would multiply the attempts. */
const CREDENTIAL_MUTATIONS = new Set([
  'register',
  'login',
  'refresh',
  'updateMe',
  'deleteMe',
  'changePassword',
  'requestPasswordReset',
  'resetPassword',
  'requestEmailVerification',
  'verifyEmail',
  'undoEmailChange',
])

type Cost = { depth: number; aliases: number; directives: number; credentialMutations: number }

const NOTHING: Cost = { depth: 0, aliases: 0, directives: 0, credentialMutations: 0 }

/** Refuses what costs too much before anything is executed. */
export const limits: Plugin = {
  onParse: ({ setParseFn }) =>
    setParseFn((source: string, options?: object) =>
      parse(source, { ...options, maxLexicalTokens: LIMITS.tokens }),
    ),
  onValidate: ({ addValidationRule }) => addValidationRule(costRule),
}

/**
 * Adds up an operation with its fragments expanded. Each fragment is walked once, so fragments
 * that fan out are counted without being walked as often as they would be executed.
 */
function costRule(context: ValidationContext): ASTVisitor {
  const fragments = new Map<string, Cost>()

  function ofFragment(fragment: FragmentDefinitionNode | null | undefined): Cost {
    if (!fragment) return NOTHING
    const name = fragment.name.value
    const known = fragments.get(name)
    if (known) return known
    // Whatever a cycle leads back to adds nothing here; another rule refuses cycles.
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
    // Introspection nests deeper by nature, and is off in production.
    const depth = name === '__schema' || name === '__type' ? 1 : inner.depth + 1
    const credentialMutations = CREDENTIAL_MUTATIONS.has(name) ? 1 : 0
    return plus({ ...inner, depth }, { directives, credentialMutations, aliases: node.alias ? 1 : 0 })
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
      for (const [name, most] of Object.entries(LIMITS)) {
        if (name in counted && counted[name as keyof Cost] > most) {
          context.reportError(
            new GraphQLError(`The operation has more than ${most} ${WORDS[name as keyof Cost]}.`),
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
