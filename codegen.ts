import type { CodegenConfig } from '@graphql-codegen/cli'

const SCALARS = { DateTime: 'string', ID: 'string', JSON: 'Record<string, unknown>' }

/** Typed operations from the documents. `string` sends the documents as they are; Apollo Client and urql need them parsed. */
const typedOperations = (documentMode: 'string' | 'documentNode') => ({
  preset: 'client' as const,
  presetConfig: { fragmentMasking: false },
  config: { useTypeImports: true, scalars: SCALARS, documentMode },
})

const config: CodegenConfig = {
  schema: './src/graphql/schema/schema.ts',
  documents: 'examples/operations/*.graphql',
  generates: {
    'schema.graphql': { plugins: ['schema-ast'], config: { sort: true } },
    'tests/generated/': typedOperations('string'),
    'packages/client/src/generated/strings/': typedOperations('string'),
    'packages/client/src/generated/documents/': typedOperations('documentNode'),
  },
}

export default config
