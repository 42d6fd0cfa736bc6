// Ends that nobody asks for: more connections than one visitor may have, and a Parlor that dies and starts again, after which all come back by
// themselves and nothing is lost or there twice.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clients, openClient } from './support/clients.mjs'
import { stage } from './support/suite.mjs'

const at = stage(undefined, ['--sockets-per-visitor', '2'])

test('a third connection of a visitor is refused, and whoever keeps trying is blocked for a while', { concurrency: clients.length }, t => Promise.all(clients.map(build => t.test(build.name, async () => {
  const { context, page } = await at.browser.person()
  const first = await openClient(at, page, build)
  await first.hears('connected')
  const second = await openClient(at, await context.newPage(), build)
  await second.hears('connected')
  const third = await context.newPage()
  const reasons = []
  while (reasons.length < 15 && reasons.at(-1) !== 'customer_temporarily_blocked') {
    const guest = await openClient(at, third, build)
    reasons.push((await guest.hears('disconnected')).reason)
    assert.equal((await guest.call('getCustomer')).code, 'SDK_DESTROYED')
    assert.deepEqual(await guest.heard('connected'), [])
  }
  assert.equal(reasons[0], 'too_many_connections')
  assert.equal(reasons.at(-1), 'customer_temporarily_blocked')
  assert.deepEqual([...new Set(reasons)], ['too_many_connections', 'customer_temporarily_blocked'])
  for (const guest of [first, second]) {
    assert.deepEqual(await guest.heard('disconnected'), [])
    assert.equal(typeof (await guest.call('getCustomer')).value?.id, 'string')
  }
  await context.close()
}))))

const texts = async guest => guest.page.evaluate(async chatId => {
  const all = []
  const pages = window.sdk.getChatHistory({ chatId })
  for (;;) {
    const { done, value } = await pages.next()
    if (value) all.unshift(...value.threads.flatMap(({ events }) => events))
    if (done || !value) return all.filter(({ type }) => type === 'message').map(({ text }) => text)
  }
}, guest.chat)

test('a killed server comes back, and so do the visitors', { concurrency: clients.length }, async t => {
  const guests = await Promise.all(clients.map(async build => {
    const { context, page } = await at.browser.person()
    const guest = await openClient(at, page, build)
    guest.context = context
    guest.id = (await guest.hears('connected')).customer.id
    const { value } = await guest.call('startChat', { chat: { thread: { events: [{ type: 'message', text: 'Before' }] } } })
    guest.chat = value.chat.id
    await at.agent.say(guest.chat, 'Answer')
    await guest.hears('incoming_event', ({ event }) => event?.text === 'Answer')
    await guest.forget()
    return guest
  }))
  await at.parlor.killAndStart()
  for (const guest of guests) await at.agent.say(guest.chat, 'After')

  await Promise.all(guests.map(guest => t.test(guest.build.name, async () => {
    assert.equal((await guest.hears('disconnected')).reason, 'connection_lost')
    const { customer } = await guest.hears('connected', () => true, 60_000)
    assert.equal(customer.id, guest.id)
    const { value: sent, code } = await guest.call('sendEvent', { chatId: guest.chat, event: { type: 'message', text: 'Back' } })
    assert.equal(sent?.text, 'Back', code)
    assert.deepEqual(await texts(guest), ['Before', 'Answer', 'After', 'Back'])
    await guest.context.close()
  })))
})
