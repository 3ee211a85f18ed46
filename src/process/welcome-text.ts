type Pages = { GRAPHIQL: boolean; DOCS: boolean }

/** The text that a development server prints when it is ready: the addresses, and a first request to try. */
export function formatWelcome(url: string, dataFolder: string | undefined, pages: Pages) {
  const account = `{"email":"you@example.com","password":"a long enough phrase"}`
  return [
    '',
    `  Servauth is ready on ${url}`,
    '',
    ...(pages.GRAPHIQL
      ? [`  GraphiQL   ${url}/graphql  (its tabs are a tour; press play from left to right)`]
      : []),
    ...(pages.DOCS ? [`  Reference  ${url}/docs  (all REST operations; you can send requests there)`] : []),
    `  REST       curl -i ${url}/auth/register -H 'content-type: application/json' -d '${account}'`,
    ...(dataFolder ? [`  Data       ${dataFolder}  (PostgreSQL 18; delete it to start again empty)`] : []),
    '',
  ].join('\n')
}
