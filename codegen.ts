import type { CodegenConfig } from '@graphql-codegen/cli'

const OPERATIONS = 'packages/client/src/generated'

const config: CodegenConfig = {
  schema: './src/graphql/schema/schema.ts',
  documents: 'examples/operations/*.graphql',
  config: {
    useTypeImports: true,
    scalars: { DateTime: 'string', ID: 'string', JSON: 'Record<string, unknown>' },
  },
  generates: {
    'schema.graphql': { plugins: ['schema-ast'], config: { sort: true } },
    // The types of every operation, with its text.
    [`${OPERATIONS}/operations.ts`]: {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: { documentMode: 'string' },
    },
    // The same operations parsed, as GraphQL clients take them. A bundler keeps only those that a page imports.
    [`${OPERATIONS}/documents.ts`]: {
      plugins: [{ add: { content: "import type * as Types from './operations.ts'" } }, 'typed-document-node'],
      config: { documentMode: 'documentNode', importOperationTypesFrom: 'Types' },
    },
  },
}

export default config
