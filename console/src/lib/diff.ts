// What changed between two versions of a record: blocks first, then words inside blocks that correspond.
//
// Blocks are aligned by longest common subsequence (Hunt and McIlroy 1976); a run of blocks removed beside a run added is
// paired up where their words are alike, so that an edited paragraph stands beside its old self.
import type { Block } from './types'

export type Piece = { text: string; kind: 'same' | 'gone' | 'new' }
export interface DiffRow {
  kind: 'same' | 'changed' | 'gone' | 'new'
  left?: Block
  right?: Block
  leftPieces?: Piece[]
  rightPieces?: Piece[]
}

// The aligned pairs [i, j] of a longest common subsequence. Time and memory are a.length * b.length after common ends
// are cut off; past kMaxCells the rest is taken as wholly different rather than freezing the page.
const kMaxCells = 16_000_000
export function commonPairs(a: readonly string[], b: readonly string[]): [number, number][] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) ++start
  let endA = a.length
  let endB = b.length
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) --endA, --endB

  const pairs: [number, number][] = []
  for (let i = 0; i < start; ++i) pairs.push([i, i])
  const rows = endA - start
  const columns = endB - start
  if (rows > 0 && columns > 0 && rows * columns <= kMaxCells) {
    const width = columns + 1
    // length[i * width + j]: of the longest common subsequence of a[i..] and b[j..].
    const length = new Uint32Array((rows + 1) * width)
    for (let i = rows - 1; i >= 0; --i) {
      for (let j = columns - 1; j >= 0; --j) {
        length[i * width + j] = a[start + i] === b[start + j]
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!)
      }
    }
    for (let i = 0, j = 0; i < rows && j < columns;) {
      if (a[start + i] === b[start + j]) pairs.push([start + i++, start + j++])
      else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) ++i
      else ++j
    }
  }
  for (let i = endA, j = endB; i < a.length; ++i, ++j) pairs.push([i, j])
  return pairs
}

// Words, white space and single signs. Numbers keep their points and signs: "1,200.5" is one word, and so is "±0.02".
export function words(text: string): string[] {
  return text.match(/\s+|[+\-±]?\d[\d.,:/-]*\d|[+\-±]?\d|[\p{L}\p{M}]+|[^\s\p{L}\p{M}\d]/gu) ?? []
}

export function diffWords(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const a = words(left)
  const b = words(right)
  const pairs = commonPairs(a, b)
  return {
    left: pieces(a, new Set(pairs.map(([i]) => i)), 'gone'),
    right: pieces(b, new Set(pairs.map(([, j]) => j)), 'new'),
  }
}

function pieces(list: string[], kept: Set<number>, kind: 'gone' | 'new'): Piece[] {
  const out: Piece[] = []
  list.forEach((text, i) => {
    const now = kept.has(i) ? 'same' : kind
    const last = out[out.length - 1]
    if (last && last.kind === now) last.text += text
    else out.push({ text, kind: now })
  })
  return out
}

export function blockText(block: Block): string {
  return block.rows ? block.rows.map((row) => row.join(' | ')).join('\n') : block.text
}

// How alike two texts are by the words they share (Dice), 0 to 1.
export function likeness(a: string, b: string): number {
  const left = words(a).filter((w) => w.trim())
  const counts = new Map<string, number>()
  for (const w of left) counts.set(w, (counts.get(w) ?? 0) + 1)
  const right = words(b).filter((w) => w.trim())
  let shared = 0
  for (const w of right) {
    const n = counts.get(w) ?? 0
    if (n > 0) counts.set(w, n - 1), ++shared
  }
  return left.length + right.length === 0 ? 1 : (2 * shared) / (left.length + right.length)
}

// Tables are compared row by row: each row becomes a block of its own that keeps the table's index.
function units(blocks: readonly Block[]): Block[] {
  return blocks
    .filter((block) => block.kind !== 'header' && block.kind !== 'footer')
    .flatMap((block) => (block.rows ? block.rows.map((row) => ({ ...block, rows: [row] })) : [block]))
}

// Below this likeness two blocks are one removed and one added, not one that was edited.
const kAlike = 0.4

export function diffBlocks(left: readonly Block[], right: readonly Block[]): DiffRow[] {
  const a = units(left)
  const b = units(right)
  const key = (block: Block) => blockText(block).replace(/\s+/g, ' ').trim()
  const pairs = commonPairs(a.map(key), b.map(key))
  const rows: DiffRow[] = []
  let i = 0
  let j = 0
  for (const [p, q] of [...pairs, [a.length, b.length] as [number, number]]) {
    rows.push(...pairUp(a.slice(i, p), b.slice(j, q)))
    if (p < a.length) rows.push({ kind: 'same', left: a[p]!, right: b[q]! })
    i = p + 1
    j = q + 1
  }
  return rows
}

// A run of removed blocks against a run of added ones, both in order: each removed block takes the most alike of the added
// ones still free after the last taken.
function pairUp(gone: Block[], added: Block[]): DiffRow[] {
  const rows: DiffRow[] = []
  let next = 0
  for (const left of gone) {
    let best = -1
    let score = kAlike
    for (let j = next; j < added.length; ++j) {
      const s = likeness(blockText(left), blockText(added[j]!))
      if (s > score) best = j, score = s
    }
    if (best < 0) {
      rows.push({ kind: 'gone', left })
      continue
    }
    for (; next < best; ++next) rows.push({ kind: 'new', right: added[next]! })
    const right = added[next++]!
    const { left: leftPieces, right: rightPieces } = diffWords(blockText(left), blockText(right))
    rows.push({ kind: 'changed', left, right, leftPieces, rightPieces })
  }
  for (; next < added.length; ++next) rows.push({ kind: 'new', right: added[next]! })
  return rows
}
