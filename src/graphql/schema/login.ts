import { LoginInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'
import { AuthPayloadType, SessionTransportType } from './types.ts'

const LoginInputType = builder.inputType('LoginInput', {
  validate: { schema: LoginInput },
  fields: (t) => ({
    email: t.string({ required: true }),
    password: t.string({ required: true }),
    transport: t.field({ type: SessionTransportType, defaultValue: 'COOKIE' }),
  }),
})

builder.mutationField('login', (t) =>
  t.field({
    type: AuthPayloadType,
    args: { input: t.arg({ type: LoginInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.login(input, caller),
  }),
)
