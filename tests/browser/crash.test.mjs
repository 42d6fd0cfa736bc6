// `kill -9` while both sides write: the pages come back by themselves, nothing acknowledged is missing, nothing is doubled.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch } from './support/browser.mjs'
import { durable, owner } from './support/parlor.mjs'
import { agent, logIn, settles, texts, visitor } from './support/people.mjs'

const KILLS = 3
const EACH = 4
// Both sides wait longer from try to try, up to half a minute.
const LONGEST_WAIT = 70_000

let parlor, browser
before(async () => {
  parlor = await durable()
  browser = await launch()
})
after(async () => {
  await parlor?.stop()
  await browser?.close()
})

test('both sides write across kills, and both hold every message once in the same order', async () => {
  const setup = await parlor.start()
  const { page: desk } = await browser.person()
  await desk.goto(setup)
  await desk.getByRole('textbox', { name: 'Name of your site' }).fill('Hazel & Oak')
  await desk.getByRole('textbox', { name: 'Your name' }).fill(owner.name)
  await desk.getByRole('textbox', { name: 'Your e-mail' }).fill(owner.email)
  await desk.getByLabel('Password').fill(owner.password)
  await desk.getByRole('button', { name: 'Set up and log in' }).click()
  await desk.waitForURL(`${parlor.url}/`)
  const { page: shop } = await browser.person()
  const [guest, olive] = [visitor(shop), agent(desk)]
  await shop.goto(`${parlor.url}/demo`)
  await guest.open()
  await guest.say('first')
  await desk.goto(`${parlor.url}/chats`)
  await olive.rows.first().getByRole('link').click()
  // Once an answer has gone through, both pages are loaded and live.
  await olive.say('welcome')
  const written = new Set(['first', 'welcome'])
  await settles(texts(guest.log), [...written], 'the first answer')

  for (let kill = 0; kill < KILLS; kill++) {
    const writing = (async () => {
      for (let n = 0; n < EACH; n++) {
        for (const [who, name] of [[guest, 'guest'], [olive, 'agent']]) {
          const text = `${name} ${kill}.${n}`
          await who.say(text)
          written.add(text)
        }
      }
    })()
    await parlor.kill()
    await writing
    await parlor.start()
  }

  const count = log => async () => (await texts(log)()).length
  await settles(count(guest.log), written.size, 'the visitor holds all', LONGEST_WAIT)
  await settles(count(olive.log), written.size, 'the agent holds all', LONGEST_WAIT)
  const order = await texts(guest.log)()
  assert.deepEqual(await texts(olive.log)(), order)
  assert.deepEqual(new Set(order), written)
  await Promise.all([shop.reload(), desk.reload()])
  await settles(texts(guest.log), order, 'the visitor after a reload')
  await settles(texts(olive.log), order, 'the agent after a reload')
})
