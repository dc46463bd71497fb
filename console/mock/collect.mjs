// Makes mock/data.json from a home that holds the example organisation's records (examples/README.md):
//   node mock/collect.mjs SILLOK HOME
// The mock server answers from it. Only what the program prints is kept; originals are read from examples/ when asked for.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const [sillok, home] = process.argv.slice(2)
if (!home) {
  console.error('usage: node mock/collect.mjs SILLOK HOME')
  process.exit(2)
}
const run = (...args) => JSON.parse(execFileSync(sillok, [...args, '--home', home, '--json'], { maxBuffer: 1 << 28 }).toString())
const wanted = [
  'WS-118', 'WS-102', 'BR-01', '정비/MC-05_정비이력.xlsx', '정비/고장접수_2024.csv', '부적합/NCR-2025-012.odt', '부적합/NCR-2024-017.hwpx',
  '부적합/NCR-2023-008.docx', '설비/EM-MC05_HMX-630_사용설명서.pdf', '회의록/생산회의록_20250618.txt', '검사/자주검사_체크시트_스캔.png',
  '납품/납품확인서_20250512_스캔.pdf', '게시판/safety-notice.html', '메일/20250423_입회검사_토크_지적.eml', '2026_공단_입찰전략.hwpx',
  '사고/INC-2024-02_지게차_사고보고서.docx', '검사/계측기_교정대장.xlsx', '교육/신입사원_품질교육.pptx', 
]
const known = new Map(run('records').records.map((r) => [r.record, r]))
const records = []
for (const id of wanted) {
  if (!known.has(id)) {
    console.error(`collect: the home has no record ${id}; it has ${[...known.keys()].slice(0, 5).join(', ')} ...`)
    process.exit(1)
  }
  const versions = run('show', id).versions.map((v) => {
    const { document } = run('show', id, '--version', String(v.version))
    const blocks = document.blocks.map((b, index) => ({
      index, anchor: b.anchor?.text ?? '', kind: b.kind, level: b.level, text: b.text, ...(b.rows && { rows: b.rows, header_rows: b.header_rows }),
    }))
    return {
      number: v.version, title: v.title, format: v.format, label: v.label, valid_from: v.valid_from, valid_to: v.valid_to, recorded: v.recorded,
      content_hash: v.blob, source: v.source.replace(/^.*\/examples\//, ''), blocks,
    }
  })
  const links = run('links', id).links.filter((l) => l.record).map((l) => ({
    kind: l.kind, direction: l.direction, record: l.record, title: known.get(l.record)?.title ?? l.record, anchor: l.from_anchor, words: l.words,
  }))
  records.push({ record: id, versions, links })
}
writeFileSync(new URL('data.json', import.meta.url), '{"records":[\n' + records.map((r) => JSON.stringify(r)).join(',\n') + '\n]}\n')
