import { RefreshInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'
import { AuthPayloadType } from './types.ts'

const RefreshInputType = builder.inputType('RefreshInput', {
  validate: { schema: RefreshInput },
  fields: (t) => ({ refreshToken: t.string({ description: 'Else the cookie.' }) }),
})

builder.mutationField('refresh', (t) =>
  t.field({
    type: AuthPayloadType,
    args: { input: t.arg({ type: RefreshInputType }) },
    resolve: (_root, { input }, { auth, caller }) => auth.refresh(input ?? {}, caller),
  }),
)
