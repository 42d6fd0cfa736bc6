// The tables of methods and events, walked by each build of one version of the published SDK.

import { after, before, test } from 'node:test'
import { agentOf } from './agent.mjs'
import { launch } from './browser.mjs'
import { events, unforced } from './events.mjs'
import { hosts } from './hosts.mjs'
import { last, methods } from './methods.mjs'
import { ephemeral, owner } from './parlor.mjs'
import { logIn } from './people.mjs'
import { builds, pages } from './published.mjs'
import { addGreeting, enablePreviews, enableTickets } from './settings.mjs'
import { siteOf, World } from './world.mjs'

/** A Parlor behind the SDK's host names, with an agent who is there; `prepare` sets up more before the first test, `args` are more options of the program. */
export function stage(prepare, args = []) {
  const at = {}
  before(async () => {
    at.web = await pages()
    at.parlor = await ephemeral({ origins: [at.web.origin], args: ['--allow-loopback-previews', 'on', ...args] })
    at.tls = await hosts(at.parlor.url)
    at.browser = await launch({ args: at.tls.args })
    at.admin = (await at.browser.person()).page
    await logIn(at.admin, at.parlor.url)
    at.site = await siteOf(at.admin, at.parlor.url)
    await at.parlor.addAgent({ name: 'Bea Second', email: 'bea@example.com', password: 'another long password' })
    at.agent = await agentOf(at.parlor, owner.name)
    await prepare?.(at)
  })
  after(async () => {
    await at.browser?.close()
    await at.tls?.close()
    at.web?.close()
    await at.parlor?.stop()
  })
  return at
}

/** All tests of one major version. */
export function suite(major) {
  const at = stage(async at => {
    await enableTickets(at.admin, at.parlor.url)
    await enablePreviews(at.admin, at.parlor.url)
    for (const [text, part] of [['Accept me', '/accept-greeting'], ['Cancel me', '/cancel-greeting']]) {
      await addGreeting(at.admin, at.parlor.url, { text, part, agent: owner.name })
    }
  })
  for (const build of builds.filter(build => build.major === major)) test(build.name, t => walk(t, at, build))
}

async function walk(t, at, build) {
  const has = ({ in: majors = [2, 3, 4], except = () => false }) => majors.includes(build.major) && !except(build)
  const world = await World.open({ ...at, build })
  const all = [...Object.entries(unforced), ...Object.entries(methods), ...Object.entries(events), ...Object.entries(last)]
  for (const [name, entry] of all) {
    if (has(entry)) await t.test(name, () => entry.run(world))
    else await t.test(`${name} is not in this build`, () => world.lacks(name, entry))
  }
  await world.close()
}
