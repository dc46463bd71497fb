import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// What the strict content policy asks for: nothing inline, no data: URLs (assetsInlineLimit 0).
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // pdf.js and its worker are fetched only when a PDF is opened.
    chunkSizeWarningLimit: 1600,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8401' } },
  test: { include: ['tests/unit/**/*.test.ts'] },
} as import('vite').UserConfig)
