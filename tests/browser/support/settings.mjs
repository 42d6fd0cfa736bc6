// What an owner sets up under Settings before visitors come.

/** Saves a form whose fields `fill` changes. */
async function save(page, path, fill) {
  await page.goto(path)
  await fill()
  await Promise.all([saved(page), page.locator('main button.primary').last().click()])
}

const saved = page => page.waitForResponse(answer => answer.request().method() === 'POST' && answer.status() < 400)

/** Asks for tickets with the form of the default group. */
export const enableTickets = (page, url) => enableForm(page, url, /ticket/i)

/** A greeting for pages whose address holds `part`. */
export async function addGreeting(page, url, { text, part, agent }) {
  await save(page, `${url}/settings/greetings/new`, async () => {
    await page.locator('input[name=name]').fill(text)
    await page.locator('textarea[name=text]').fill(text)
    await page.locator('select[name=agent]').selectOption({ label: agent })
    await page.locator('textarea[name=urls]').fill(part)
    await page.locator('input[name=page_s]').fill('')
    await page.locator('input[name=is_enabled]').check()
  })
}

/** How many chats an agent is given at once. */
export async function limitChats(page, url, agent, most) {
  await page.goto(`${url}/settings/agents/${agent}`)
  await page.locator('input[name=max_chats]').fill(String(most))
  const form = page.locator('form', { has: page.locator('input[name=max_chats]') })
  await Promise.all([saved(page), form.getByRole('button').click()])
}

/** Shows visitors what stands behind a link. */
export async function enablePreviews(page, url) {
  await page.goto(`${url}/settings/site`)
  const box = page.locator('input[name=link_previews]')
  await box.check()
  const form = page.locator('form', { has: box })
  await Promise.all([saved(page), form.locator('button.primary, button:not([name])').last().click()])
}

/** Asks with the form of the default group whose link says so. */
export async function enableForm(page, url, name) {
  await page.goto(`${url}/settings/forms`)
  const path = await page.locator('main').getByRole('link', { name }).first().getAttribute('href')
  await save(page, new URL(path, url).href, () => page.locator('input[name=is_enabled]').check())
}

/** How many visitors may be connected at once. */
export async function limitVisitors(page, url, most) {
  await page.goto(`${url}/settings/site`)
  const field = page.locator('input[name=max_connected_visitors]')
  await field.fill(String(most))
  const form = page.locator('form', { has: field })
  await Promise.all([saved(page), form.locator('button.primary, button:not([name])').last().click()])
}
