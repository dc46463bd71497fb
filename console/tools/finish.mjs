// After vite build: what pdf.js fetches while it draws (character maps, standard fonts, the decoder of JPEG 2000), and a
// .gz beside every file that gains by it, for the server to send as it is.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const root = new URL('..', import.meta.url).pathname
const dist = join(root, 'dist')
const pdfjs = join(root, 'node_modules/pdfjs-dist')

rmSync(join(dist, 'pdfjs'), { recursive: true, force: true })
for (const [folder, wanted] of [
  ['cmaps', /\.bcmap$|^LICENSE/],
  ['standard_fonts', /./],
  ['wasm', /^openjpeg_nowasm_fallback\.js$|^LICENSE_(PDFJS_)?OPENJPEG$/],
]) {
  mkdirSync(join(dist, 'pdfjs', folder), { recursive: true })
  for (const name of readdirSync(join(pdfjs, folder))) {
    if (wanted.test(name)) cpSync(join(pdfjs, folder, name), join(dist, 'pdfjs', folder, name))
  }
}

let files = 0
let plain = 0
let packed = 0
const walk = (folder) => {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) {
      walk(path)
      continue
    }
    const bytes = readFileSync(path)
    const small = gzipSync(bytes, { level: 9 })
    ++files
    plain += bytes.length
    // Below a tenth saved, the header and the client's work cost more.
    if (small.length < bytes.length * 0.9) {
      writeFileSync(`${path}.gz`, small)
      packed += small.length
    } else {
      packed += bytes.length
    }
  }
}
walk(dist)
console.log(`dist: ${files} files, ${Math.round(plain / 1000)} kB, ${Math.round(packed / 1000)} kB as sent`)
