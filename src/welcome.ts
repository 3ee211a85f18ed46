/** What a newcomer wants to see first: where things are and what to try. */
export function welcome(url: string, dataFolder: string | undefined, graphiql: boolean) {
  const account = `{"email":"you@example.com","password":"a long enough phrase"}`
  return [
    '',
    `  Servauth is ready on ${url}`,
    '',
    ...(graphiql
      ? [`  GraphiQL   ${url}/graphql  (its tabs are a tour; press play from left to right)`]
      : []),
    `  REST       curl -i ${url}/auth/register -H 'content-type: application/json' -d '${account}'`,
    ...(dataFolder ? [`  Data       ${dataFolder}  (PostgreSQL 18; delete it to begin anew)`] : []),
    '',
  ].join('\n')
}
