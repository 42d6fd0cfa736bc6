// The published Customer SDK, three versions in two builds each, against the real binary: every documented method and event.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { agentOf } from './support/agent.mjs'
import { launch } from './support/browser.mjs'
import * as documented from './support/documented.mjs'
import { events, unforced } from './support/events.mjs'
import { hosts } from './support/hosts.mjs'
import { last, methods } from './support/methods.mjs'
import { ephemeral, owner } from './support/parlor.mjs'
import { logIn } from './support/people.mjs'
import { builds, pages } from './support/published.mjs'
import { siteOf, World } from './support/world.mjs'

let web, parlor, tls, browser, admin, site
before(async () => {
  web = await pages()
  parlor = await ephemeral({ origins: [web.origin] })
  tls = await hosts(parlor.url)
  browser = await launch({ args: tls.args })
  admin = (await browser.person()).page
  await logIn(admin, parlor.url)
  site = await siteOf(admin, parlor.url)
})
after(async () => {
  await browser?.close()
  await tls?.close()
  web?.close()
  await parlor?.stop()
})

test('every documented method and event has its entry, and no entry is of something else', () => {
  assert.equal(documented.methods.length, 37)
  assert.equal(documented.events.length, 29)
  assert.deepEqual(Object.keys({ ...methods, ...last }).sort(), [...documented.methods].sort())
  assert.deepEqual(Object.keys({ ...events, ...unforced }).sort(), [...documented.events].sort())
})

for (const build of builds) {
  const has = ({ in: majors = [2, 3, 4], except = () => false }) => majors.includes(build.major) && !except(build)
  test(build.name, async t => {
    const world = await World.open({ browser, web, tls, site, parlor, build, admin, agent: agentOf(parlor, owner.name) })
    for (const [name, { run }] of Object.entries(unforced)) await t.test(`on ${name}`, () => run(world))
    for (const [name, entry] of Object.entries(methods)) {
      if (has(entry)) await t.test(name, () => entry.run(world))
      else await t.test(`${name} is missing or broken in this build`, () => world.lacks(name, entry))
    }
    for (const [name, entry] of Object.entries(events)) {
      if (has(entry)) await t.test(`on ${name}`, () => entry.run(world))
    }
    for (const [name, { run }] of Object.entries(last)) await t.test(name, () => run(world))
    await world.close()
  })
}
