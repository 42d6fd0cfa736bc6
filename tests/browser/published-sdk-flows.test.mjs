// What surrounds the published SDK: other host names, identities, the ways its tokens and frames travel.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events as names } from './support/documented.mjs'
import { builds, Guest } from './support/published.mjs'
import { stage } from './support/suite.mjs'
import { configOf } from './support/world.mjs'

const at = stage()

const build = name => builds.find(build => build.name === name)

/** A page of a browser of its own, with the addresses that were called. */
async function person(prepare) {
  const { context, page } = await at.browser.person()
  const called = []
  page.on('request', request => called.push(request.url()))
  page.on('websocket', socket => called.push(socket.url()))
  await prepare?.(page)
  const open = (name, { env, ...more } = {}) =>
    Guest.open(page, build(name), { url: at.web.of(build(name)), config: { ...configOf(build(name), at.site), ...more }, env, names })
  return { context, page, called, open }
}

async function chats(guest, text) {
  const { customer } = await guest.hears('connected')
  const { value, message } = await guest.call('startChat', { chat: { thread: { events: [{ type: 'message', text }] } } })
  assert.equal(message, undefined)
  assert.equal(value.chat.thread.events.find(({ type }) => type === 'message').text, text)
  return { id: customer.id, chat: value.chat.id }
}

for (const name of ['2.0.1 npm', '3.1.5 npm', '3.1.5 UMD', '4.0.2 npm', '4.0.2 UMD']) {
  test(`${name} talks to a host of ours through the second argument of init`, async () => {
    const { context, called, open } = await person()
    const guest = await open(name, { env: 'chat.example/x' })
    await chats(guest, `From ${name}`)
    const foreign = called.filter(url => !url.startsWith(at.web.origin)).map(url => new URL(url).hostname)
    assert.ok(foreign.length > 1 && foreign.every(host => host.endsWith('.chat.example')), String(foreign))
    await context.close()
  })
}

for (const { name } of builds) {
  test(`${name} stays the same visitor by cookies alone, and group by group another`, async () => {
    const { context, page, open } = await person()
    const first = await (await open(name)).hears('customer_id')
    await page.evaluate(() => localStorage.clear())
    assert.equal(await (await open(name)).hears('customer_id'), first)

    const group = await (await open(name, { uniqueGroups: true, groupId: 0 })).hears('customer_id')
    assert.notEqual(group, first)
    await page.evaluate(() => localStorage.clear())
    assert.equal(await (await open(name, { uniqueGroups: true, groupId: 0 })).hears('customer_id'), group)
    await context.close()
  })
}

for (const name of ['2.0.1 npm', '2.0.1 UMD']) {
  test(`${name} chats by polling where WebSockets are not to be had`, async () => {
    const { context, called, open } = await person(page => page.addInitScript(() => { delete window.WebSocket }))
    const guest = await open(name)
    const { chat } = await chats(guest, 'Without sockets')
    await at.agent.say(chat, 'It works as well')
    await guest.hears('incoming_event', ({ event }) => event.text === 'It works as well')
    assert.ok(called.some(url => url.includes('/xhr_send?')), String(called))
    await context.close()
  })
}

for (const { name } of builds) {
  test(`${name} checks goals on a page without a connection, and asks another region`, async () => {
    const { context, page, called, open } = await person()
    const answered = page.waitForResponse(answer => answer.url().includes('/action/check_goals') && answer.request().method() === 'POST')
    await open(name, { autoConnect: false, region: 'fra', page: { url: `${at.web.origin}/goal`, title: 'Goal' } })
    assert.equal((await answered).status(), 200)
    assert.ok(called.some(url => url.startsWith('https://api-fra.livechatinc.com/')), String(called))
    await context.close()
  })
}
