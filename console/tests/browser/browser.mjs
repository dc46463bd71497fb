// Debian's Chromium, started the way that works without a desktop and sends nothing of its own.
import { chromium } from 'playwright-core'
export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
export const sizes = { phone: { width: 375, height: 740 }, laptop: { width: 1366, height: 800 }, projector: { width: 1920, height: 1080 } }
