import { LogoutInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'

const LogoutInputType = builder.inputType('LogoutInput', {
  validate: { schema: LogoutInput },
  fields: (t) => ({ refreshToken: t.string({ description: 'Else the bearer or the cookie.' }) }),
})

builder.mutationField('logout', (t) =>
  t.boolean({
    args: { input: t.arg({ type: LogoutInputType }) },
    resolve: (_root, { input }, { auth, caller }) => auth.logout(input ?? {}, caller),
  }),
)
