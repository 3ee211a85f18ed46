/* eslint-disable */
import * as types from './graphql';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  ipAddress\n  userAgent\n}\n\nmutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Login($input: LoginInput!) {\n  login(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}\n\nquery Me {\n  me {\n    ...UserFields\n  }\n}\n\nmutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}\n\nmutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}": typeof types.UserFieldsFragmentDoc,
};
const documents: Documents = {
    "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  ipAddress\n  userAgent\n}\n\nmutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Login($input: LoginInput!) {\n  login(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}\n\nquery Me {\n  me {\n    ...UserFields\n  }\n}\n\nmutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}\n\nmutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}": types.UserFieldsFragmentDoc,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment UserFields on User {\n  id\n  email\n  emailVerified\n  pendingEmail\n  username\n  createdAt\n  updatedAt\n}\n\nfragment SessionFields on Session {\n  id\n  current\n  createdAt\n  lastUsedAt\n  expiresAt\n  ipAddress\n  userAgent\n}\n\nmutation Register($input: RegisterInput!) {\n  register(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Login($input: LoginInput!) {\n  login(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Refresh($input: RefreshInput) {\n  refresh(input: $input) {\n    user {\n      ...UserFields\n    }\n    session {\n      ...SessionFields\n    }\n    accessToken\n    accessTokenExpiresAt\n    refreshToken\n  }\n}\n\nmutation Logout($input: LogoutInput) {\n  logout(input: $input)\n}\n\nquery Me {\n  me {\n    ...UserFields\n  }\n}\n\nmutation UpdateMe($input: UpdateMeInput!) {\n  updateMe(input: $input) {\n    ...UserFields\n  }\n}\n\nmutation DeleteMe($input: DeleteMeInput) {\n  deleteMe(input: $input)\n}"): typeof import('./graphql').UserFieldsFragmentDoc;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
