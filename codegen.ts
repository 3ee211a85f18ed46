import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: './src/graphql/schema/schema.ts',
  documents: 'examples/operations/*.graphql',
  generates: {
    'schema.graphql': { plugins: ['schema-ast'], config: { sort: true } },
    'tests/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        documentMode: 'string',
        scalars: { DateTime: 'string', ID: 'string', JSON: 'Record<string, unknown>' },
      },
    },
  },
}

export default config
