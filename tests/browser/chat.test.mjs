// A visitor and two agents talk: live, across pages, cuts, closed tabs and threads. Every message once, in the same order everywhere.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, launch, picture } from './support/browser.mjs'
import { ephemeral } from './support/parlor.mjs'
import { agent, logIn, settles, texts, visitor } from './support/people.mjs'
import { shop } from './support/shop.mjs'

let parlor, tea, browser, guest, shopper, olive, desk, second, desk2
// What the visitor holds, and what the agents hold: the same and their notes.
const said = []
const held = []
const told = text => { said.push(text); held.push(text) }

before(async () => {
  tea = await shop({ snippet: () => parlor })
  parlor = await ephemeral({ origins: [tea.origin] })
  browser = await launch()
  shopper = await browser.person()
  guest = visitor(shopper.page)
  olive = await browser.person()
  desk = agent(olive.page)
  second = await browser.person()
  desk2 = agent(second.page)
  await logIn(olive.page, parlor.url)
  await logIn(second.page, parlor.url)
})
after(async () => {
  tea?.close()
  await parlor?.stop()
  await browser?.close()
})

const agents = async what => {
  for (const log of [desk.log, desk2.log]) await settles(texts(log), held, `agents: ${what}`)
}
const everywhere = async what => {
  await settles(texts(guest.log), said, `visitor: ${what}`)
  await agents(what)
}

test('a new chat shows up on any page of the dashboard, with a sound and a mark in the title', async () => {
  // The page was come to by a click and is not touched afterwards: it has to ring all the same.
  await olive.page.getByRole('link', { name: 'Visitors' }).click()
  await olive.page.waitForURL('**/visitors')
  await olive.page.evaluate(() => {
    globalThis.sounds = 0
    const start = AudioScheduledSourceNode.prototype.start
    AudioScheduledSourceNode.prototype.start = function (...args) { globalThis.sounds++; return start.apply(this, args) }
  })
  await second.page.goto(`${parlor.url}/chats`)
  await shopper.page.goto(`${tea.origin}/product.html`)
  await guest.open()

  await guest.say('Do you have smoked tea?')
  told('Do you have smoked tea?')

  await desk2.rows.filter({ hasText: 'Do you have smoked tea?' }).waitFor()
  await olive.page.waitForFunction(() => /^\(\d+\)/.test(document.title))
  await olive.page.waitForFunction(() => globalThis.sounds > 0)
})

test('the agent sees what is being typed and where the visitor is, before it is sent', async () => {
  for (const { page } of [olive, second]) {
    await page.goto(`${parlor.url}/chats`)
    await page.locator('[data-rows] [data-row]').first().getByRole('link').click()
    await agent(page).log.waitFor()
  }
  await everywhere('the first message')
  await guest.composer.pressSequentially('I am thinking of Lapsang', { delay: 15 })

  await olive.page.getByText('I am thinking of Lapsang').waitFor()
  await olive.page.getByText('/product.html').first().waitFor()
  await guest.composer.fill('')
})

test('answers arrive live at the visitor and at the other agent, with typing and seen', async () => {
  await desk.composer.pressSequentially('We do, the one', { delay: 15 })
  await shopper.page.getByText(/is typing/).first().waitFor({ state: 'attached' })
  await desk.say('We do, the one from Fujian.')
  told('We do, the one from Fujian.')
  await everywhere('the answer')
  await olive.page.locator('[data-state]').getByText(/Seen/).first().waitFor()
  await guest.say('Lovely 🍵 <b>thanks</b> & bye')
  told('Lovely 🍵 <b>thanks</b> & bye')
  await everywhere('emoji and markup as text')

  await shopper.page.locator('parlor-chat').getByText('Seen').waitFor()
})

test('a note is seen by agents and never by the visitor', async () => {
  await desk.note('Regular customer, be generous')
  held.push('Regular customer, be generous')
  await olive.page.getByText('Regular customer, be generous').waitFor()
  await second.page.getByText('Regular customer, be generous').waitFor()
  await desk.say('You are welcome.')
  told('You are welcome.')
  await everywhere('a note')
  assert.equal(await shopper.page.getByText('Regular customer').count(), 0)
})

test('reloads and page changes lose and double nothing', async () => {
  await shopper.page.reload()
  await guest.log.waitFor()
  await guest.say('Still me')
  told('Still me')
  await olive.page.reload()
  await shopper.page.goto(`${tea.origin}/basket.html`)
  await guest.log.waitFor()
  await desk.say('Hello again')
  told('Hello again')

  await everywhere('reloads')
})

test('what is written offline is sent when the network is back', async () => {
  await shopper.context.setOffline(true)
  await guest.say('Written in a tunnel')
  await shopper.page.getByText(/You are offline|Connecting/).first().waitFor()
  await olive.context.setOffline(true)
  await desk.say('Written on a train')
  await shopper.context.setOffline(false)
  told('Written in a tunnel')
  await settles(texts(desk2.log), held, 'the second agent sees it')
  await olive.context.setOffline(false)
  told('Written on a train')

  await everywhere('both were offline')
})

test('a message left unsent in a closed tab is sent from the next page, once', async () => {
  await shopper.context.setOffline(true)
  await guest.say('Closed too early')
  await shopper.page.close()
  await shopper.context.setOffline(false)
  shopper.page = await shopper.context.newPage()
  guest = visitor(shopper.page)
  await shopper.page.goto(`${tea.origin}/index.html`)
  told('Closed too early')

  await agents('sent from the next page')
  if (!(await guest.log.isVisible())) await guest.open()
  await settles(texts(guest.log), said, 'visitor')
})

test('pages look right and are accessible', async () => {
  await accessible(olive.page, 'chats')
  await picture(olive.page, 'chats')
  await accessible(shopper.page, 'messenger')
  await picture(shopper.page, 'messenger')
})

test('the newest message stays in view when a keyboard takes half of the window', async () => {
  const size = shopper.page.viewportSize()
  await shopper.page.setViewportSize({ width: 400, height: 420 })
  const below = async () => {
    const [log, last] = await Promise.all([guest.log.boundingBox(), guest.log.locator('.bubble').last().boundingBox()])
    return Math.max(0, Math.round(last.y + last.height - log.y - log.height))
  }
  await settles(below, 0, 'pixels of the last message below the log')
  await shopper.page.setViewportSize(size)
})

test('a closed thread is followed by a new one, with the earlier above it', async () => {
  await olive.page.getByRole('button', { name: 'Close', exact: true }).click()
  await shopper.page.getByText(/ended/).first().waitFor()
  await guest.say('One more thing')
  told('One more thing')

  await everywhere('a second thread')
})

test('a message that comes between a page and its socket is announced all the same', async () => {
  // Nobody looks at the chat, or it would be seen and no news.
  await second.page.goto(`${parlor.url}/chats?list=all`)
  await olive.page.route('**/live/ticket', route => route.abort())
  await olive.page.goto(`${parlor.url}/visitors`)
  await guest.say('In between')
  await desk2.rows.filter({ hasText: 'In between' }).waitFor()
  await olive.page.unroute('**/live/ticket')

  await olive.page.getByText('In between').first().waitFor()
})
