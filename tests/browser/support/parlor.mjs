// The real binary in a process of its own: an ephemeral one with an owner and a site, or one on a data folder that can be killed and started again.

import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = resolve(import.meta.dirname, '../../..')
const binary = process.env.PARLOR_BINARY ?? join(root, 'target/debug/parlor')

export const owner = { name: 'Olive Owner', email: 'owner@example.com', password: 'correct horse battery' }

/** Starts an ephemeral Parlor with an owner and a site that allows `origins`; stops with `stop()`. */
export async function ephemeral({ origins = [], args = [] } = {}) {
  let process = start([
    'serve', '--ephemeral', '--listen', '127.0.0.1:0', '--owner-name', owner.name, '--owner-email', owner.email, '--owner-password', owner.password,
    '--site-name', 'Hazel & Oak', ...origins.flatMap(origin => ['--site-origin', origin]), ...args,
  ])
  const ready = JSON.parse(await process.line(() => true))
  const url = ready.url.replace(/\/$/, '')
  let isKept = false
  return {
    ...ready, url,
    async stop() {
      await process.stop()
      if (isKept) await rm(ready.data, { recursive: true, force: true })
    },
    /** kill -9, then a start on the folder that it leaves, at the same address. */
    async killAndStart() {
      await process.stop('SIGKILL')
      isKept = true
      process = start(['serve', '--listen', new URL(url).host, '--data', ready.data, ...args])
      await process.line(line => line.includes('/demo'))
    },
    /** Adds an agent through the command line. */
    addAgent: ({ name, email, password }) => run(['agent', 'add', email, '--name', name, '--data', ready.data], `${password}\n`),
  }
}

/** A Parlor on a folder of its own: `start()`, `kill()` (kill -9) and `start()` again on the same port. */
export async function durable(args = []) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-browser-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let running
  return {
    url,
    /** Resolves to the set-up link the start printed, or undefined when the instance is set up. */
    async start() {
      running = start(['serve', '--listen', `127.0.0.1:${port}`, '--data', join(folder, 'data'), ...args])
      let setup
      await running.line(line => {
        setup ??= line.match(/https?:\/\/\S*\/setup\S*/)?.[0]
        return line.includes('/demo')
      })
      return setup
    },
    kill: () => running.stop('SIGKILL'),
    async stop() {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs a command to its end; it has to succeed. */
function run(args, input) {
  return new Promise((done, fail) => {
    const child = execFile(binary, args, (error, stdout, stderr) => error ? fail(new Error(`parlor ${args.join(' ')}: ${stdout}${stderr}`)) : done(stdout))
    child.stdin.end(input)
  })
}

function start(args) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', process.env.PARLOR_TEST_LOG ? 'inherit' : 'pipe'] })
  const errors = []
  child.stderr?.on('data', chunk => { errors.push(chunk); if (errors.length > 200) errors.shift() })
  const ended = new Promise(done => child.on('close', done))
  const waiting = []
  const lines = []
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    for (const wait of [...waiting]) wait(line)
  })
  return {
    line(wanted) {
      return new Promise((done, fail) => {
        const found = lines.find(line => wanted(line))
        if (found !== undefined) return done(found)
        const wait = line => { if (wanted(line)) { waiting.splice(waiting.indexOf(wait), 1); done(line) } }
        waiting.push(wait)
        ended.then(code => fail(new Error(`parlor ended with ${code}: ${Buffer.concat(errors)}`)))
      })
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail).listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => done(port))
    })
  })
}
