// Starts Swagger UI. Requests go to the origin of the page, so that the browser sends the cookie. Each load has a new
// address in its examples, so that `register` works more than once.

async function start() {
  const root = document.querySelector('#reference')
  const text = await (await fetch('/openapi.json')).text()
  const email = `ada+${Math.floor(Math.random() * 1e6)}@example.com`
  const spec = JSON.parse(text.replaceAll('ada@example.com', email))
  spec.info.version = root.dataset.version
  spec.servers = [{ url: location.origin }]
  globalThis.SwaggerUIBundle({ spec, domNode: root, deepLinking: true, tryItOutEnabled: true })
}

void start()
