type Pages = { GRAPHIQL: boolean; DOCS: boolean }

/** What a newcomer wants to see first: where things are and what to try. */
export function welcome(url: string, dataFolder: string | undefined, pages: Pages) {
  const account = `{"email":"you@example.com","password":"a long enough phrase"}`
  return [
    '',
    `  Servauth is ready on ${url}`,
    '',
    ...(pages.GRAPHIQL
      ? [`  GraphiQL   ${url}/graphql  (its tabs are a tour; press play from left to right)`]
      : []),
    ...(pages.DOCS ? [`  Reference  ${url}/docs  (every REST operation, to be tried out)`] : []),
    `  REST       curl -i ${url}/auth/register -H 'content-type: application/json' -d '${account}'`,
    ...(dataFolder ? [`  Data       ${dataFolder}  (PostgreSQL 18; delete it to begin anew)`] : []),
    '',
  ].join('\n')
}
