import { RegisterInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'
import { RegisterPayloadType, SessionTransportType } from './types.ts'

const RegisterInputType = builder.inputType('RegisterInput', {
  validate: { schema: RegisterInput },
  fields: (t) => ({
    email: t.string({ required: true }),
    password: t.string({ required: true }),
    username: t.string(),
    transport: t.field({ type: SessionTransportType, defaultValue: 'COOKIE' }),
  }),
})

builder.mutationField('register', (t) =>
  t.field({
    type: RegisterPayloadType,
    args: { input: t.arg({ type: RegisterInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.register(input, caller),
  }),
)
