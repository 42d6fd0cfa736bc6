// How connections end: every reason a server of one's own can give, and what the published SDK and Parlor's own make of each.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients, openClient } from './support/clients.mjs'
import { limitVisitors } from './support/settings.mjs'
import { stage } from './support/suite.mjs'

const at = stage()

/**
 * What follows a reason in 2.0.1, 3.1.5, 4.0.2 and in ours. `again`: told, and connected again; `lost`: a reason that only counts before the login,
 * so the end of the socket is what is told; `over`: the instance is of no use any more; `rests`: until the page calls `connect()`.
 */
const reasons = {
  access_token_expired: ['again', 'again', 'again', 'again'],
  connection_evicted: ['again', 'again', 'again', 'again'],
  connection_timeout: ['again', 'again', 'again', 'again'],
  inactivity_timeout: ['again', 'again', 'again', 'rests'],
  internal_error: ['again', 'again', 'again', 'again'],
  license_expired: ['again', 'again', 'again', 'again'],
  service_temporarily_unavailable: ['again', 'lost', 'lost', 'again'],
  too_many_unauthorized_connections: ['lost', 'lost', 'lost', 'again'],
  customer_banned: ['over', 'over', 'over', 'over'],
  customer_temporarily_blocked: ['over', 'over', 'over', 'over'],
  license_not_found: ['over', 'over', 'over', 'over'],
  logged_out_remotely: ['again', 'again', 'over', 'again'],
  product_version_changed: ['over', 'over', 'over', 'over'],
  too_many_connections: ['over', 'over', 'over', 'over'],
  unsupported_version: ['over', 'over', 'over', 'over'],
  users_limit_reached: ['again', 'again', 'again', 'over'],
}

const open = (page, build) => openClient(at, page, build)

/** Walks all clients at once, each in a browser of its own, connected. */
const each = (name, run) => test(name, { concurrency: clients.length }, t => Promise.all(clients.map((build, column) => t.test(build.name, async t => {
  const { context, page } = await at.browser.person()
  const guest = await open(page, build)
  const { customer: { id } } = await guest.hears('connected')
  await run({ t, guest, id, column, page, again: () => open(page, build) })
  await context.close()
}))))

const disconnection = (id, reason) => at.agent.call('POST', `/visitors/${id}/disconnection`, { reason })

const same = async (guest, id) => {
  const { customer } = await guest.hears('connected')
  assert.equal(customer.id, id, 'the same visitor')
  const { value, code } = await guest.call('getCustomer')
  assert.equal(value?.id, id, code)
}

const isOver = async (guest, reason) => {
  assert.equal((await guest.hears('disconnected')).reason, reason)
  assert.equal((await guest.call('getCustomer')).code, 'SDK_DESTROYED')
  assert.deepEqual(await guest.heard('connected'), [])
}

const follows = {
  async again(guest, id, reason) {
    assert.equal((await guest.hears('disconnected')).reason, reason)
    await same(guest, id)
  },
  async lost(guest, id) {
    assert.equal((await guest.hears('disconnected')).reason, 'connection_lost')
    await same(guest, id)
  },
  over: (guest, id, reason) => isOver(guest, reason),
  async rests(guest, id, reason) {
    assert.equal((await guest.hears('disconnected')).reason, reason)
    assert.equal((await guest.call('getCustomer')).code, 'NO_CONNECTION')
    // Whoever came back by itself would have done so by the end of a visit of somebody else.
    const { context, page } = await at.browser.person()
    await (await open(page, clients[0])).hears('connected')
    await context.close()
    assert.deepEqual(await guest.heard('connected'), [])
    await guest.call('connect')
    await same(guest, id)
  },
}

each('every reason has its reaction', async ({ t, guest, id, column, again }) => {
  let current = guest
  for (const [reason, columns] of Object.entries(reasons)) {
    await t.test(`${reason}: ${columns[column]}`, async () => {
      await current.forget()
      await disconnection(id, reason)
      await follows[columns[column]](current, id, reason)
      assert.equal((await current.heard('disconnected')).length, 1, 'told once')
      if (columns[column] !== 'over') return
      current = await again()
      await same(current, id)
    })
  }
})

each('a ban ends the instance and keeps its visitor out until it is lifted', async ({ guest, id, again }) => {
  await guest.forget()
  await at.agent.call('PUT', `/visitors/${id}/ban`, { reason: 'Rude' })
  await isOver(guest, 'customer_banned')

  const banned = await again()
  await isOver(banned, 'customer_banned')

  await at.agent.call('DELETE', `/visitors/${id}/ban`)
  await same(await again(), id)
})

test('a site that is full refuses a login', { concurrency: clients.length }, async t => {
  const { context, page } = await at.browser.person()
  await (await open(page, clients[0])).hears('connected')
  await limitVisitors(at.admin, at.parlor.url, 1)
  await Promise.all(clients.map(build => t.test(build.name, async () => {
    const { context, page } = await at.browser.person()
    const guest = await open(page, build)
    if (build.major === 2 || build.major === 'ours') await isOver(guest, 'users_limit_reached')
    else {
      // These pause: the instance lives, and comes in when there is room and the page asks for it.
      assert.equal((await guest.hears('disconnected')).reason, 'users_limit_reached')
      assert.notEqual((await guest.call('getCustomer')).code, 'SDK_DESTROYED')
    }
    assert.deepEqual(await guest.heard('connected'), [])
    await context.close()
  })))
  await limitVisitors(at.admin, at.parlor.url, 10_000)
  await context.close()
})
