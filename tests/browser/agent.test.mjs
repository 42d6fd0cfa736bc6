// What an agent does around a conversation: files, quick replies, edits, handing over, the queue, bans. Live, in two browsers.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { accessible, launch, picture } from './support/browser.mjs'
import { ephemeral } from './support/parlor.mjs'
import { agent, logIn, visitor } from './support/people.mjs'

const bea = { name: 'Bea Second', email: 'bea@example.com', password: 'another long password' }
// A green square.
const square = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGPQakjAihiGlgQA7r9CgX4J4IQAAAAASUVORK5CYII=', 'base64')

const sockets = []
let parlor, browser, shopper, guest, olive, desk, second, desk2
before(async () => {
  parlor = await ephemeral()
  await parlor.addAgent(bea)
  browser = await launch()
  olive = (await browser.person()).page
  second = (await browser.person()).page
  desk = agent(olive)
  desk2 = agent(second)
  await logIn(olive, parlor.url)
  await logIn(second, parlor.url, bea)
  for (const page of [olive, second]) await status(page, 'Not accepting')
  shopper = (await browser.person()).page
  shopper.on('websocket', socket => sockets.push(socket))
  await shopper.goto(`${parlor.url}/demo/index.html`)
  guest = visitor(shopper)
})
after(async () => {
  await parlor?.stop()
  await browser?.close()
})

async function status(page, name) {
  await page.locator('details.own summary').click()
  await page.getByRole('button', { name, exact: true }).click()
  await page.locator('[data-own-status-name]').filter({ hasText: name }).or(page.locator('.rail .status-dot.not_accepting')).first().waitFor({ state: 'attached' })
}

async function choose(page, name) {
  await page.getByLabel('More actions').click()
  await page.locator('.more-actions .sheet').getByText(name).click()
}

async function looked(page, name) {
  await accessible(page, name)
  await picture(page, name)
}

test('a chat that waits is taken from the list', async () => {
  await olive.goto(`${parlor.url}/chats?list=unassigned`)
  await guest.open()
  await guest.say('Is anybody there?')
  const row = desk.rows.filter({ hasText: 'Is anybody there?' })
  await row.getByRole('button', { name: /^Take/ }).waitFor()
  await looked(olive, 'queue')
  await row.getByRole('link').click()
  await olive.getByText('Place 1 in the queue').waitFor()
  await looked(olive, 'queued-conversation')
  await olive.locator('[data-chat-actions]').getByRole('button', { name: 'Take' }).click()
  await olive.getByText('With Olive Owner').waitFor()
  await row.waitFor({ state: 'detached' })
})

test('a file is attached, sent once, and opens', async () => {
  const chooser = olive.waitForEvent('filechooser')
  await olive.getByRole('link', { name: 'Attach a file' }).press('Enter')
  await (await chooser).setFiles({ name: 'tea.png', mimeType: 'image/png', buffer: square })
  await desk.log.getByRole('link', { name: 'tea.png' }).waitFor()
  await desk.log.locator('.pending').waitFor({ state: 'detached' })
  assert.equal(await desk.log.locator('.bubble.file').count(), 1)
  assert.equal(await olive.locator('[data-uploads] li').count(), 0)
})

test('a file that is not taken says why, and can be put away', async () => {
  const drop = async (name, bytes) => {
    const data = await olive.evaluateHandle(([name, bytes]) => {
      const data = new DataTransfer()
      data.items.add(new File([new Uint8Array(bytes)], name))
      return data
    }, [name, bytes])
    for (const type of ['dragenter', 'dragover', 'drop']) await olive.locator('.conversation').dispatchEvent(type, { dataTransfer: data })
  }
  await drop('run.exe', [0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0, 4, 0])
  await olive.getByRole('alert').getByText('Files of this type are not taken. Nothing was sent.').waitFor()
  await looked(olive, 'upload-refused')
  await olive.getByRole('button', { name: 'Remove' }).click()
  await drop('empty.txt', [])
  await olive.getByText('This file is empty. Nothing was sent.').waitFor()
  await olive.getByRole('button', { name: 'Remove' }).click()
  assert.equal(await olive.locator('[data-uploads] li').count(), 0)
  assert.equal(await olive.locator('.conversation.dropping').count(), 0)
})

test('a picture is pasted as a note', async () => {
  await olive.getByRole('radio', { name: 'Note' }).check({ force: true })
  await desk.composer.evaluate((text, bytes) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(bytes)], 'pasted.png', { type: 'image/png' }))
    text.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
  }, [...square])
  await desk.log.locator('.note').getByRole('link', { name: 'pasted.png' }).waitFor()
  await olive.getByRole('radio', { name: 'Reply' }).check({ force: true })
})

test('quick replies are sent from their form', async () => {
  await olive.getByRole('link', { name: 'Quick replies' }).click()
  const form = olive.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Question' }).fill('Green or black?')
  await form.getByRole('button', { name: 'Send' }).click()
  await form.getByText('Give at least one answer to choose.').waitFor()
  await form.getByRole('textbox', { name: 'Button 1' }).fill('Green')
  await form.getByRole('textbox', { name: 'Button 2' }).fill('Black')
  await accessible(olive, 'quick replies')
  await picture(olive, 'quick-replies')
  await form.getByRole('button', { name: 'Send' }).click()
  await form.waitFor({ state: 'detached' })
  await desk.log.getByText('Green or black?').waitFor()
  assert.equal(await desk.log.locator('.offered li').count(), 2)
})

test('an edit reaches everybody, and only its author is offered it', async () => {
  await desk.say('We opne at nine')
  await shopper.getByText('We opne at nine').first().waitFor()
  await second.goto(`${parlor.url}/chats?list=all`)
  await desk2.rows.filter({ hasText: 'We opne at nine' }).getByRole('link').click()
  await desk2.log.getByText('We opne at nine').waitFor()
  assert.equal(await desk2.log.getByRole('link', { name: 'Edit this message' }).count(), 0)
  await desk.log.locator('.bubble', { hasText: 'We opne at nine' }).getByRole('link', { name: 'Edit this message' }).click()
  const form = olive.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Message' }).fill('We open at nine')
  await looked(olive, 'edit')
  await form.getByRole('button', { name: 'Save' }).click()
  for (const page of [olive, second, shopper]) await page.getByText('We open at nine').first().waitFor()
  assert.equal(await shopper.getByText('We opne at nine').count(), 0)
})

test('a chat goes to another agent with a note, who is joined and left', async () => {
  await choose(olive, 'Transfer')
  const form = olive.getByRole('dialog')
  const option = await form.locator('option', { hasText: 'Bea Second' }).getAttribute('value')
  await form.getByRole('combobox', { name: 'To' }).selectOption(option)
  await form.getByRole('textbox', { name: 'Note for them' }).fill('Wants oolong')
  await looked(olive, 'transfer')
  await form.getByRole('button', { name: 'Transfer' }).click()
  for (const page of [olive, second]) await page.getByText('With Bea Second').first().waitFor()
  await desk2.log.getByText('Wants oolong').waitFor()
  assert.equal(await shopper.getByText('Wants oolong').count(), 0)
  await choose(olive, 'Join')
  await second.getByText('With Bea Second and Olive Owner').waitFor()
  await choose(olive, 'Leave')
  await second.getByText('With Bea Second', { exact: true }).waitFor()
})

test('a banned visitor is disconnected, and every page says so', async () => {
  await second.getByRole('link', { name: 'Ban …' }).click()
  const form = second.getByRole('dialog')
  await form.getByRole('combobox', { name: 'For' }).selectOption('hour')
  await form.getByRole('textbox', { name: 'Reason' }).fill('Shouts at the tea')
  await looked(second, 'ban')
  await form.getByRole('button', { name: 'Ban', exact: true }).click()
  await second.getByRole('region', { name: 'Ban' }).getByText('Shouts at the tea').waitFor()
  await looked(second, 'banned')
  assert.ok(sockets.length > 0)
  for (const socket of sockets) if (!socket.isClosed()) await socket.waitForEvent('close')
  await shopper.getByText('You cannot chat here at the moment.').waitFor()
  assert.ok(await guest.composer.isDisabled())
  await second.reload()
  await second.getByRole('region', { name: 'Ban' }).waitFor()
  await olive.goto(`${parlor.url}/visitors`)
  await olive.getByText('Banned').first().waitFor()
  await looked(olive, 'visitors-banned')
  await olive.goto(`${parlor.url}/settings/bans`)
  await looked(olive, 'settings-bans')
  await olive.getByRole('button', { name: /^Lift/ }).click()
  await olive.getByText('Nobody is banned').waitFor()
  await second.getByRole('region', { name: 'Ban' }).waitFor({ state: 'detached' })
})

test('all of it works without a script', async () => {
  const { page } = await browser.person({ javaScriptEnabled: false })
  await logIn(page, parlor.url)
  await page.goto(`${parlor.url}/chats?list=all`)
  await page.locator('[data-rows] [data-row]').first().getByRole('link').click()
  await page.getByRole('link', { name: 'Attach a file' }).click()
  await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'plain.txt', mimeType: 'text/plain', buffer: Buffer.from('first flush') })
  await picture(page, 'attach-plain')
  await page.getByRole('button', { name: 'Keep as a note' }).click()
  await page.getByRole('link', { name: 'plain.txt' }).waitFor()
  await page.getByLabel('More actions').click()
  await page.getByRole('link', { name: 'Transfer …' }).click()
  await page.getByRole('combobox', { name: 'To' }).selectOption('routing')
  await page.getByRole('button', { name: 'Transfer' }).click()
  await page.getByText('Place 1 in the queue').waitFor()
  await page.getByRole('button', { name: 'Close', exact: true }).click()
  await page.getByRole('button', { name: 'Reopen' }).click()
  await page.getByRole('button', { name: 'Close', exact: true }).waitFor()
})
