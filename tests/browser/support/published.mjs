// The published SDK in its three versions and two builds, on a page of a stranger.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')

/** All builds; `major` decides what methods and fields are called. */
export const builds = [
  { name: '2.0.1 npm', major: 2, kind: 'npm' },
  { name: '2.0.1 UMD', major: 2, kind: 'umd' },
  { name: '3.1.5 npm', major: 3, kind: 'npm' },
  { name: '3.1.5 UMD', major: 3, kind: 'umd' },
  { name: '4.0.2 npm', major: 4, kind: 'npm' },
  { name: '4.0.2 UMD', major: 4, kind: 'umd' },
]

const path = ({ major, kind }) => `/sdk-${major}-${kind}.js`

async function script({ major, kind }) {
  const name = `livechat-sdk-${major}`
  if (kind === 'umd') return readFile(join(root, 'node_modules', name, 'dist/customer-sdk.js'))
  const { outputFiles } = await build({
    stdin: { contents: `import * as CustomerSDK from '${name}'\nwindow.CustomerSDK = CustomerSDK`, resolveDir: root },
    bundle: true, write: false, format: 'iife', logLevel: 'error', define: { global: 'globalThis' },
  })
  return outputFiles[0].contents
}

/** A web server with one empty page for each build. */
export async function pages() {
  const files = new Map(await Promise.all(builds.map(async build => [path(build), await script(build)])))
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://page')
    if (files.has(pathname)) return response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(files.get(pathname))
    if (pathname === '/preview') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      return response.end('<!doctype html><title>A page of tea</title><meta name="description" content="All about it"><p>Tea</p>')
    }
    if (pathname !== '/') return response.writeHead(204).end()
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!doctype html><html lang="en"><title>Page of a stranger</title><script src="${searchParams.get('sdk')}"></script></html>`)
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${server.address().port}`
  return {
    origin,
    of: build => `${origin}/?sdk=${path(build)}`,
    close: () => { server.closeAllConnections(); server.close() },
  }
}

/** An instance on a page: `call(method, …)` gives `{ value }` or `{ code, message }`, `heard(name)` all payloads of an event so far. */
export class Guest {
  constructor(page, build) {
    this.page = page
    this.build = build
  }

  /** Loads the page; `names` are the events that are listened to from the start. */
  static async open(page, build, { url, config, env, names }) {
    await page.goto(url)
    const guest = new Guest(page, build)
    await page.evaluate(([config, env, names]) => {
      window.heard = Object.fromEntries(names.map(name => [name, []]))
      window.sdk = window.CustomerSDK.init(config, ...env ? [env] : [])
      for (const name of names) window.sdk.on(name, payload => window.heard[name].push(structuredClone(payload ?? null)))
    }, [config, env, names])
    return guest
  }

  call(method, ...args) {
    return this.page.evaluate(async ([method, args]) => {
      for (;;) {
        try {
          return { value: await window.sdk[method](...args) }
        } catch ({ code, message }) {
          if (code !== 'TOO_MANY_REQUESTS') return { code, message }
          // A page that is told to slow down comes back after a second, as the error says.
          await new Promise(done => setTimeout(done, 1_000))
        }
      }
    }, [method, args])
  }

  heard(name) {
    return this.page.evaluate(name => window.heard[name], name)
  }

  forget() {
    return this.page.evaluate(() => { for (const name in window.heard) window.heard[name] = [] })
  }

  /** The first payload of an event that `fits`, past or still to come. */
  async hears(name, fits = () => true, patience = 15_000) {
    const until = Date.now() + patience
    for (;;) {
      const heard = await this.heard(name)
      const found = heard.find(fits)
      if (found !== undefined) return found
      if (Date.now() > until) throw new Error(`${this.build.name}: no ${name} that fits among ${JSON.stringify(heard)}`)
      await new Promise(done => setTimeout(done, 20))
    }
  }
}
