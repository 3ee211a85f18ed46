// Starts GraphiQL with a tour in its tabs. `?tour=administration` chooses another tour than that of an account.

const { account, administration, number: numberOfLoad } = globalThis.tours
const url = new URL(location.href)
const wanted = url.searchParams.get('tour')
const tabs = wanted === 'administration' ? administration : account

/** GraphiQL keeps its tabs in the browser. Those of an earlier load get the new addresses. */
function renewStoredTabs() {
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith('graphiql:'))) {
    if (wanted !== null) localStorage.removeItem(key)
    else
      localStorage.setItem(key, localStorage[key].replaceAll(/\b(ada|grace)\+\d+@/g, `$1+${numberOfLoad}@`))
  }
  url.searchParams.delete('tour')
  const { tabs: stored = [], activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}')
  // GraphiQL opens one more tab if what else it stored, or the address of the page, differs from the active tab.
  for (const part of ['query', 'variables', 'headers']) {
    const text = stored[activeTabIndex]?.[part]
    if (text) localStorage.setItem(`graphiql:${part}`, text)
    else localStorage.removeItem(`graphiql:${part}`)
  }
  if (stored.some(({ query }) => query === url.searchParams.get('query'))) url.searchParams.delete('query')
  history.replaceState(null, '', url)
}

const root = document.querySelector('#root')
const workers = {
  editorWorkerService: root.dataset.editor,
  json: root.dataset.json,
  graphql: root.dataset.graphql,
}
globalThis.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_, label) => workers[label] }

renewStoredTabs()
globalThis.YogaGraphiQL.renderYogaGraphiQL(root, {
  title: '<a href="?tour">New tour</a> · <a href="?tour=administration">Administration</a>',
  logo: '',
  endpoint: '/graphql',
  credentials: 'same-origin',
  defaultTabs: tabs,
  // GraphiQL shows the variables of its first tab only if it gets them here. After that it has them stored.
  ...(localStorage.getItem('graphiql:tabState') ? {} : { variables: tabs[0].variables }),
})
