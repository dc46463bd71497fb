// How to get to every page and state that is looked at and checked. Each visit waits until the page is there.
export async function signIn(page, base, name) {
  await page.goto(`${base}/#/ask`)
  await page.locator('input[autocomplete="username"]').fill(name)
  await page.locator('input[type="password"]').fill('mock-password')
  await page.locator('button[type="submit"]').click()
  await page.locator('#question').waitFor()
}
const settled = (page) => page.waitForFunction(() => !document.querySelector('main .wait, main [aria-busy="true"]'))
const at = (hash, ready) => async (page, base) => {
  await page.goto(`${base}/#/${hash}`)
  await page.locator(ready).first().waitFor()
  await settled(page)
}
async function fresh(page, base) {
  await page.goto(`${base}/#/ask`)
  await page.reload()
  await page.locator('#question').waitFor()
}
export async function ask(page, question) {
  await page.locator('#question').fill(question)
  await page.locator('#question').press('Enter')
  await page.locator('.turn:last-of-type footer').waitFor()
}
const record = (id, params = '') => `record/${encodeURIComponent(id)}${params}`

export const pages = {
  welcome: fresh,
  written: async (page, base) => {
    await fresh(page, base)
    await ask(page, '강도 8.8짜리 M16 볼트는 몇 N·m로 조여?')
  },
  meant: async (page, base) => {
    await fresh(page, base)
    await ask(page, 'How often are torque wrenches calibrated?')
  },
  peek: async (page, base) => {
    await fresh(page, base)
    await ask(page, '강도 8.8짜리 M16 볼트는 몇 N·m로 조여?')
    await page.locator('.written .cite').first().hover()
    await page.locator('#peek').waitFor()
  },
  pane: async (page, base) => {
    await fresh(page, base)
    await ask(page, '강도 8.8짜리 M16 볼트는 몇 N·m로 조여?')
    await page.locator('.written .cite').first().click()
    await page.locator('.textLayer mark').first().waitFor()
  },
  quoted: async (page, base) => {
    await fresh(page, base)
    await ask(page, 'MC-05 스핀들 앞 베어링 언제 갈았지?')
    await page.locator('.actions button').nth(2).click()
  },
  abstained: async (page, base) => {
    await fresh(page, base)
    await ask(page, '구매규정에서 입찰보증금은 계약금액의 몇 퍼센트야?')
  },
  records: at('records', 'main table'),
  upload: async (page, base) => {
    await at('records', 'main table')(page, base)
    await page.locator('header .button.main').click()
    await page.locator('input[type="file"]').setInputFiles([{ name: '2026년_안전점검_결과.hwpx', mimeType: 'application/octet-stream', buffer: Buffer.alloc(48_000) }, { name: 'BYG-5502.dwg', mimeType: 'application/octet-stream', buffer: Buffer.alloc(8000) }])
    await page.locator('section .button.main').first().click()
    await page.locator('.pill.bad', { hasText: /거절|refused/ }).first().waitFor()
  },
  pdf: at(record('WS-118', `?version=3&anchor=${encodeURIComponent('p. 1 › 2. 공구')}&text=${encodeURIComponent('2.1 토크렌치는 6개월마다 교정한다(NCR-2025-012 시정조치).')}`), '.textLayer mark'),
  sheet: at(record('정비/MC-05_정비이력.xlsx', `?version=1&anchor=${encodeURIComponent('정비이력!A7 › 정비이력')}&text=${encodeURIComponent('일자: 2024-08-19 | 누적 가동시간(h): 26,470 | 내용: 스핀들 앞 베어링 교환, 제조사 입회')}`), 'iframe'),
  scan: at(record('검사/자주검사_체크시트_스캔.png'), 'main canvas'),
  compare: at(record('WS-102', '?tab=compare'), '.sides'),
  time: at(record('WS-118', '?tab=time'), 'main ol'),
  links: at(record('WS-118', '?tab=links'), 'main table'),
  keep: at(record('부적합/NCR-2025-012.odt', '?tab=keep'), 'main .facts'),
  rate: at('rate', '.failures'),
  proposed: async (page, base) => {
    await at('rate', '.pair')(page, base)
    await page.locator('.pair').scrollIntoViewIfNeeded()
    await page.keyboard.press('w')
    await page.locator('.pair form').waitFor()
  },
  models: at('models', 'main .chart'),
  refused: at('models?release=r0003-91d3c7e2', 'main .why'),
  interrupted: at('models?run=t20261119-010500-12ab', 'main .notice.warn'),
  people: at('people', 'main table'),
  person: async (page, base) => {
    await at('people', 'main table')(page, base)
    await page.locator('header .button.main').click()
    await page.locator('dialog[open]').waitFor()
  },
  keys: at('people?tab=keys', 'main table'),
  audit: at('audit', 'main table'),
  system: at('system', '.cards'),
}
