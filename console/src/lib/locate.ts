// Where the words of a citation stand: in the pieces of text of a PDF page, or among the blocks of a document.
//
// White space differs between a reader's text and a page's (line ends, justified gaps), and so do bullets and the way a
// table row is written ("품번: A | 수량: 3"). Both sides are reduced to letters, digits and signs that carry meaning.
import type { Block } from './types'

interface Reduced { text: string; at: number[] }  // at[i]: UTF-16 offset in the original of text[i]

// Signs that layout adds or drops; the rest is kept, for "±0.02" must not match "0.02".
const kLoose = /[\s|·•‧∙○●◦▪■□※"'“”‘’`*]/

export function reduce(text: string): Reduced {
  let out = ''
  const at: number[] = []
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i)!
    const raw = String.fromCodePoint(code)
    const width = raw.length
    if (!kLoose.test(raw)) {
      const folded = raw.normalize('NFKC').toLowerCase()
      for (const unit of folded) {
        if (kLoose.test(unit)) continue
        for (let k = 0; k < unit.length; ++k) at.push(i)
        out += unit
      }
    }
    i += width
  }
  at.push(text.length)
  return { text: out, at }
}

export interface Range { begin: number; end: number }  // UTF-16 offsets of the haystack

// The first place of `needle` in `haystack`, white space and layout aside; null if it is not there.
export function find(haystack: string, needle: string): Range | null {
  const where = reduce(haystack)
  const what = reduce(needle)
  if (what.text === '') return null
  const begin = where.text.indexOf(what.text)
  return begin < 0 ? null : { begin: where.at[begin]!, end: endOf(haystack, where, begin + what.text.length) }
}

function endOf(haystack: string, where: Reduced, index: number): number {
  const last = where.at[index - 1]!
  return last + String.fromCodePoint(haystack.codePointAt(last)!).length
}

// All places of a citation's text. A text that does not stand as a whole (a table row written with its headings, lines in
// another order) is looked for in parts: lines, then the values after "name: " of a row. What is found of them counts if it
// is at least half of the text.
export function findAll(haystack: string, needle: string): Range[] {
  const whole = find(haystack, needle)
  if (whole) return [whole]
  const lines = needle.split('\n').filter((line) => reduce(line).text.length > 1)
  if (lines.length > 1) {
    const found = lines.flatMap((line) => findAll(haystack, line))
    return merge(found)
  }
  return findRow(haystack, needle)
}

// The values of a row, in order and near one another: the place where most of them stand together.
function findRow(haystack: string, row: string): Range[] {
  const values = row.split(' | ').map((cell) => cell.replace(/^[^:|]{1,40}: /, '').trim()).filter((v) => v !== '' && v !== '-')
  if (values.length < 2) return []
  const where = reduce(haystack)
  const wanted = values.map((v) => reduce(v).text).filter((v) => v !== '')
  const total = wanted.reduce((sum, v) => sum + v.length, 0)
  // A row's cells lie within a few times their own length of one another, other columns' text between them.
  const reach = total * 3 + 80
  let best: Range[] = []
  let bestLength = 0
  const first = wanted.slice(0, 2)
  for (const start of first.flatMap((v) => places(where.text, v))) {
    const found: Range[] = []
    let length = 0
    let from = start
    for (const value of wanted) {
      const at = where.text.indexOf(value, from)
      if (at < 0 || at > start + reach) continue
      found.push({ begin: where.at[at]!, end: endOf(haystack, where, at + value.length) })
      length += value.length
      from = at + value.length
    }
    if (length > bestLength) best = found, bestLength = length
  }
  return bestLength * 2 >= total ? merge(best) : []
}

function places(text: string, value: string): number[] {
  const out: number[] = []
  for (let at = text.indexOf(value); at >= 0 && out.length < 200; at = text.indexOf(value, at + 1)) out.push(at)
  return out
}

function merge(ranges: Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin)
  const out: Range[] = []
  for (const range of sorted) {
    const last = out[out.length - 1]
    if (last && range.begin <= last.end) last.end = Math.max(last.end, range.end)
    else out.push({ ...range })
  }
  return out
}

// Ranges of a text that is made of pieces (a PDF page's items), as ranges inside each piece.
export function inPieces(pieces: readonly string[], ranges: readonly Range[]): { piece: number; begin: number; end: number }[] {
  const out: { piece: number; begin: number; end: number }[] = []
  let offset = 0
  pieces.forEach((text, piece) => {
    for (const range of ranges) {
      const begin = Math.max(range.begin - offset, 0)
      const end = Math.min(range.end - offset, text.length)
      if (begin < end) out.push({ piece, begin, end })
    }
    offset += text.length
  })
  return out
}

// "p. 3 › 제2조" -> 3; a scan's or a PDF's page, 0 if the anchor names none.
export function pageOf(anchor: string): number {
  const match = /^p\. (\d+)/.exec(anchor)
  return match ? Number(match[1]) : 0
}

// The element of the server's HTML where a citation stands: "b12", or "b12r3" for a row of a table; "" if it is not found.
// The text decides; where it stands more than once, the anchor does.
export function elementOf(blocks: readonly Block[], anchor: string, text: string): string {
  const candidates: { id: string; anchor: string; exact: boolean }[] = []
  const want = reduce(text).text
  // A row whose cells continue others' (merged cells are written once) does not hold the citation whole: the row of which
  // most is in the citation will do, if all its own cells are.
  let bestRow = ''
  let bestShare = 0.2
  if (want !== '') {
    for (const block of blocks) {
      if (block.rows) {
        block.rows.forEach((_, r) => {
          const row = reduce(rowText(block, r)).text
          if (row !== '' && (row.includes(want) || (want.includes(row) && r >= (block.header_rows ?? 0)))) {
            candidates.push({ id: `b${block.index}r${r}`, anchor: rowAnchor(block, r), exact: row.includes(want) })
          } else if (r >= (block.header_rows ?? 0)) {
            const share = held(block.rows![r]!, want)
            if (share > bestShare) bestRow = `b${block.index}r${r}`, bestShare = share
          }
        })
      } else {
        const own = reduce(block.text).text
        if (own === '') continue
        if (own.includes(want)) candidates.push({ id: `b${block.index}`, anchor: block.anchor, exact: true })
        else if (own.length > 8 && want.includes(own)) candidates.push({ id: `b${block.index}`, anchor: block.anchor, exact: false })
      }
    }
  }
  const exact = candidates.filter((c) => c.exact)
  const pool = exact.length > 0 ? exact : candidates
  const chosen = pool.find((c) => c.anchor === anchor) ?? pool[0]
  if (chosen) return chosen.id
  if (bestRow) return bestRow
  const byAnchor = blocks.find((block) => block.anchor === anchor)
  return byAnchor ? `b${byAnchor.index}` : ''
}

// How much of a citation a row's own cells make up; 0 if one of them is not in it.
function held(cells: readonly string[], want: string): number {
  let length = 0
  for (const cell of cells) {
    const own = reduce(cell).text
    if (!want.includes(own)) return 0
    length += own.length
  }
  return length / want.length
}

// A row as citations write it: "품번: A-1 | 수량: 3" under a header, else "A-1 | 3".
export function rowText(block: Block, row: number): string {
  const cells = block.rows?.[row] ?? []
  const headers = block.header_rows ?? 0
  if (headers === 0 || row < headers) return cells.join(' | ')
  const names = block.rows![headers - 1] ?? []
  return cells.map((cell, i) => (names[i] ? `${names[i]}: ${cell}` : cell)).join(' | ')
}

// The anchor of a sheet's row: "정비이력!A2 › 정비이력" and row 5 -> "정비이력!A7 › 정비이력".
function rowAnchor(block: Block, row: number): string {
  return block.anchor.replace(/^([^!]+![A-Z]+)(\d+)/, (_, cell: string, first: string) => cell + (Number(first) + row))
}
