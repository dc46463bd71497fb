// The console inside the program, against its real server: from the first administrator to the answer rate.
// node --test tests/program/, with SILLOK_PROGRAM: the built program, which carries the console of dist/.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { launch, sizes } from '../browser/browser.mjs'
import { ask } from '../browser/pages.mjs'

const program = process.env.SILLOK_PROGRAM
const password = 'correct horse battery'
let folder, server, base, link, browser, context, page
const wrong = []

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sillok-console-'))
  const home = join(folder, 'home')
  execFileSync(program, ['init', '--home', home])
  server = spawn(program, ['serve', '--home', home, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  await new Promise((resolve, reject) => {
    server.stderr.on('data', (bytes) => { said += bytes; if (/#\/first\/\S+\n/.test(said)) resolve() })
    server.on('exit', () => reject(new Error(said)))
  })
  link = said.match(/http\S+#\/first\/\S+/)[0]
  base = link.split('/#')[0]
  browser = await launch()
  context = await browser.newContext({ viewport: sizes.laptop, locale: 'ko-KR', acceptDownloads: true })
  page = await visitor(context)
})
after(async () => {
  await browser?.close()
  server?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function visitor(of) {
  const page = await of.newPage()
  page.setDefaultTimeout(15_000)
  page.on('pageerror', (e) => wrong.push(e.message))
  page.on('console', (m) => m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text()) && wrong.push(m.text()))
  page.on('request', (r) => !r.url().startsWith(base) && !r.url().startsWith('blob:') && wrong.push(`outside: ${r.url()}`))
  page.on('response', (r) => r.status() >= 400 && r.status() !== 401 && wrong.push(`${r.status()} ${r.url()}`))
  return page
}
// A picture of where a test stopped, for whoever looks into it: SHOTS names a folder.
afterEach(async (t) => { if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${t.name}.png`) }) })
const at = async (hash, ready) => {
  await page.goto(`${base}/#/${hash}`)
  await page.locator(ready).first().waitFor()
}
const file = (name, text) => ({ name, mimeType: 'text/markdown', buffer: Buffer.from(text) })
// What no test provoked: errors of the page, refused requests, anything outside.
const clean = () => assert.deepEqual(wrong.splice(0), [])

test('the one-time link makes the first administrator', async () => {
  await page.goto(link)
  await page.locator('input[autocomplete="username"]').fill('jin')
  for (const i of [0, 1]) await page.locator('input[type="password"]').nth(i).fill(password)
  await page.locator('button[type="submit"]').click()
  await page.locator('#question').waitFor()
  assert.deepEqual(await page.locator('nav a span').allTextContents(), ['묻기', '기록', '정답률', '모델', '사람', '감사', '시스템'])
  clean()
})

test('records are uploaded, refused with a reason, and listed', async () => {
  await at('records', 'header .button.main')
  await page.locator('header .button.main').click()
  await page.locator('input[type="file"]').setInputFiles([
    file('torque.md', '# 볼트 체결 작업표준\n\n## 2. 공구\n\n토크렌치는 6개월마다 교정한다.\n'),
    file('plan.md', '# 증설 계획\n\n새 공장의 암호명은 백두산이다.\n'),
    { name: 'drawing.dwg', mimeType: 'application/octet-stream', buffer: Buffer.from('AC1027 no drawing', 'latin1') }])
  await page.locator('section .button.main').first().click()
  await page.locator('.pill.bad').first().waitFor()
  await at('records', 'main tbody tr')
  await page.reload()
  await page.locator('main tbody tr').nth(1).waitFor()
  assert.deepEqual((await page.locator('main tbody a').allTextContents()).sort(), ['볼트 체결 작업표준', '증설 계획'])
  clean()
})

test('an answer cites its record, which opens at the place', async () => {
  await at('ask', '#question')
  await ask(page, '토크렌치는 몇 개월마다 교정해?')
  assert.match(await page.locator('.turn').first().textContent(), /6개월/)
  await page.locator('.turn .quote .cite, .turn .quote a, .turn .quote button').first().click()
  await page.locator('.pane').waitFor()
  await page.frameLocator('.pane iframe').locator(':target').waitFor()
  assert.match(await page.frameLocator('.pane iframe').locator(':target').textContent(), /6개월마다 교정/)
  await page.keyboard.press('Escape')
  clean()
})

test('two clicks make a gold question; measuring it shows the rate', async () => {
  await page.getByRole('button', { name: '정답 문항으로' }).click()
  await page.getByRole('button', { name: '문항 추가' }).click()
  await page.getByText('정답 문항에 추가했습니다').waitFor()
  await at('rate', 'header .button.main')
  await page.getByRole('button', { name: '지금 재기' }).click()
  await page.locator('.big').waitFor()
  assert.equal(await page.locator('.big').textContent(), '100.0%')
  assert.match(await page.locator('.headline dl').textContent(), /100\.0%/)
  clean()
})

test('a label raised in the console hides the record from those below it', async () => {
  await at(`record/plan.md?tab=keep`, 'form select')
  await page.locator('form select').selectOption('C')
  await page.getByRole('button', { name: '등급 올리기' }).click()
  await page.getByText('등급을 바꾸었습니다').waitFor()
  await at('people', 'header .button.main')
  await page.locator('header .button.main').click()
  const inputs = page.locator('dialog input')
  await inputs.nth(0).fill('seo')
  await page.locator('dialog input[type="password"]').fill(password)
  await page.getByRole('button', { name: '저장' }).click()
  await page.locator('td', { hasText: 'seo' }).first().waitFor()
  clean()
  const low = await browser.newContext({ viewport: sizes.phone, locale: 'en-US' })
  const other = await visitor(low)
  await other.goto(`${base}/#/ask`)
  await other.locator('input[autocomplete="username"]').fill('seo')
  await other.locator('input[type="password"]').fill(password)
  await other.locator('button[type="submit"]').click()
  await other.locator('#question').waitFor()
  await ask(other, '새 공장의 암호명은 무엇인가?')
  assert.ok(!(await other.content()).includes('백두산'))
  await other.goto(`${base}/#/records`)
  await other.locator('main tbody tr').first().waitFor()
  assert.deepEqual(await other.locator('main tbody a').allTextContents(), ['볼트 체결 작업표준'])
  await low.close()
  clean()
})

test('models, audit and system say what is so', async () => {
  await at('models', 'main h1')
  await page.getByText('모델이 없습니다').waitFor()
  await at('audit', 'tbody tr')
  await page.getByRole('button', { name: '지금 확인' }).click()
  await page.getByText('사슬이 온전합니다').waitFor()
  const kinds = await page.locator('tbody .pill').allTextContents()
  for (const kind of ['정답률 재기', '등급', '질문', '등록']) assert.ok(kinds.includes(kind), `${kind} among ${kinds}`)
  assert.ok(kinds.every((kind) => /[가-힣]/.test(kind)), `${kinds}`)
  await at('system', 'main h2')
  await page.getByText('drawing.dwg').first().waitFor()
  await page.locator('.rail .who').click()
  await page.getByRole('button', { name: '로그아웃' }).click()
  await page.locator('input[autocomplete="username"]').waitFor()
  clean()
})
