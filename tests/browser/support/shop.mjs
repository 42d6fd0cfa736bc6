// The demo shop's files served from another origin, as a stranger's web server would: plain files, the snippet filled in, optionally under a strict policy.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, resolve } from 'node:path'

const folder = resolve(import.meta.dirname, '../../../demo')
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' }

/** Serves the shop; `snippet()` gives `{ url, site_key }` at each request, `page(html)` may change a page, `headers` go with every answer. */
export async function shop({ snippet, page = html => html, headers = () => ({}) }) {
  const server = createServer(async (request, response) => {
    const name = new URL(request.url, 'http://shop').pathname.slice(1) || 'index.html'
    if (!/^[\w-]+\.\w+$/.test(name)) return response.writeHead(404).end()
    try {
      let body = await readFile(join(folder, name))
      const { url, site_key } = snippet()
      if (name.endsWith('.html')) body = page(body.toString().replaceAll('http://127.0.0.1:8080', url).replaceAll('SITE-KEY', site_key))
      response.writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream', ...headers(snippet()) }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close() } }
}
