// The hosts a published SDK calls, played by a Parlor: TLS in front of it, and Chromium told that the names live here.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'

const names = [
  'api.livechatinc.com', 'api-dal.livechatinc.com', 'api-fra.livechatinc.com', 'accounts.livechatinc.com', 'queue.livechatinc.com',
  // What `init(config, 'chat.example/x')` makes of them.
  'api.chat.example', 'api-dal.chat.example', 'api-fra.chat.example', 'accounts.chat.example', 'queue.chat.example',
]

/** A certificate nobody else has, for this run alone. */
async function certificate() {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    await promisify(execFile)('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=parlor tests',
      '-addext', `subjectAltName=${names.map(name => `DNS:${name}`).join(',')}`, '-keyout', key, '-out', cert,
    ])
    return { key: await readFile(key), cert: await readFile(cert) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** TLS in front of `url`; `args` make Chromium take it for the SDK's hosts, `cut()` drops every open connection. */
export async function hosts(url) {
  const { hostname, port } = new URL(url)
  const open = new Set()
  const server = createServer(await certificate(), client => {
    const upstream = connect(Number(port), hostname)
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      open.add(from)
      from.on('error', () => to.destroy()).on('close', () => { open.delete(from); to.destroy() })
      from.pipe(to)
    }
  })
  server.on('tlsClientError', () => undefined)
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const rules = names.map(name => `MAP ${name} 127.0.0.1:${server.address().port}`).join(', ')
  const cut = () => { for (const socket of open) socket.destroy() }
  return {
    args: [`--host-resolver-rules=${rules}`, '--ignore-certificate-errors'],
    cut,
    async close() {
      cut()
      await new Promise(done => server.close(done))
    },
  }
}
