// A screenshot of every page, for looking at: node tests/browser/shots.mjs FOLDER [size[,size]] [ko|en] [light|dark]
import { mkdirSync } from 'node:fs'
import { start } from '../../mock/server.mjs'
import { launch, sizes } from './browser.mjs'
import { pages, signIn } from './pages.mjs'

const [folder = 'shots', wanted = 'laptop', lang = 'ko', theme = 'light', only = ''] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const server = await start(8411)
const browser = await launch()
try {
  for (const size of wanted.split(',')) {
    const context = await browser.newContext({ viewport: sizes[size], locale: lang === 'ko' ? 'ko-KR' : 'en-US', colorScheme: theme })
    const page = await context.newPage()
    page.on('pageerror', (e) => console.log('page error:', e.message))
    page.on('response', (r) => r.status() >= 400 && console.log(r.status(), r.url()))
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && console.log('console:', m.text()))
    await signIn(page, 'http://127.0.0.1:8411', 'admin')
    for (const [name, visit] of Object.entries(pages)) {
      if (only && !only.split(',').includes(name)) continue
      await visit(page, 'http://127.0.0.1:8411')
      await page.waitForTimeout(300)
      await page.screenshot({ path: `${folder}/${name}-${size}-${lang}-${theme}.png`, fullPage: !['pane', 'peek'].includes(name) })
    }
    await context.close()
  }
} finally {
  await browser.close()
  server.close()
  server.closeAllConnections()
}
