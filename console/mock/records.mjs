// Records of the mock and answers from them: a few questions have written answers, the rest are quoted by shared bigrams.
import { readFileSync } from 'node:fs'

const data = JSON.parse(readFileSync(new URL('data.json', import.meta.url), 'utf8'))
export const records = data.records.map(({ record, versions, links }) => {
  const last = versions[versions.length - 1]
  return { record, title: last.title, format: last.format, label: last.label, version: last.number, valid_from: last.valid_from, valid_to: last.valid_to, recorded: last.recorded, versions, links }
})
records.find((r) => r.record.startsWith('사고/')).label = 'S'
records.sort((a, b) => (a.record < b.record ? -1 : 1))

const sees = (me, label) => 'OSC'.indexOf(label[0]) <= 'OSC'.indexOf(me.label[0])
export const visible = (me) => records.filter((r) => sees(me, r.label))
export const findRecord = (me, id) => visible(me).find((r) => r.record === id)

const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c])
const style = 'body{font-family:sans-serif;line-height:1.6;max-width:60em;margin:2em auto;padding:0 1em;word-break:keep-all}table{border-collapse:collapse;margin:1em 0}th,td{border:1px solid #999;padding:.2em .6em;text-align:left}th{background:#eee}header,footer,aside{color:#555}:target{background:#fff0b8;outline:2px solid #a4301c;scroll-margin-top:6em}'
// As documents::to_html: block I has the id bI, row R of a table bIrR.
export function blocksHtml(version) {
  const tag = (b) => (b.kind === 'heading' ? `h${Math.min(6, Math.max(1, b.level))}` : b.kind === 'list_item' ? 'li' : ['header', 'footer'].includes(b.kind) ? b.kind : 'p')
  const block = (b) => b.rows
    ? `<table id="b${b.index}">${b.rows.map((row, r) => `<tr id="b${b.index}r${r}">${row.map((cell) => (r < b.header_rows ? `<th>${escape(cell)}</th>` : `<td>${escape(cell)}</td>`)).join('')}</tr>`).join('')}</table>`
    : `<${tag(b)} id="b${b.index}">${escape(b.text)}</${tag(b)}>`
  return `<!DOCTYPE html><html lang="ko"><head><meta charset="utf-8"><title>${escape(version.title)}</title><style>${style}</style></head><body>${version.blocks.map(block).join('\n')}</body></html>`
}

const rowText = (b, r) => (b.header_rows > 0 && r >= b.header_rows ? b.rows[r].map((cell, i) => (b.rows[b.header_rows - 1][i] ? `${b.rows[b.header_rows - 1][i]}: ${cell}` : cell)).join(' | ') : b.rows[r].join(' | '))
// Sentences and rows of a version, each with its anchor.
const units = (version) => version.blocks.filter((b) => !['heading', 'header', 'footer'].includes(b.kind)).flatMap((b) => b.rows
  ? b.rows.map((_, r) => ({ anchor: b.anchor.replace(/!([A-Z]+)(\d+)/, (_m, c, n) => `!${c}${Number(n) + r}`), text: rowText(b, r), head: r < b.header_rows })).filter((u) => !u.head)
  : [{ anchor: b.anchor, text: b.text }])
const inForce = (record, asOf) => (asOf ? record.versions.findLast((v) => (!v.valid_from || v.valid_from <= asOf) && (!v.valid_to || v.valid_to > asOf)) : record.versions[record.versions.length - 1])

function cite(n, record, version, text, span) {
  const unit = units(version).find((u) => u.text.includes(text)) ?? units(version)[0]
  const at = span ? unit.text.indexOf(span) : -1
  return { n, record: record.record, version: version.number, anchor: unit.anchor, title: version.title, text: unit.text, label: record.label, valid_from: version.valid_from, valid_to: version.valid_to, ...(at >= 0 && { span: [at, at + span.length] }) }
}

const bigrams = (text) => new Set([...text.replace(/[\s?.,]/g, '')].map((c, i, all) => c + (all[i + 1] ?? '')))
export function search(me, question, asOf) {
  const wanted = bigrams(question)
  return visible(me).flatMap((record) => {
    const version = inForce(record, asOf)
    return version ? units(version).map((unit) => ({ record, version, unit, score: [...bigrams(`${version.title} ${unit.text}`)].filter((g) => wanted.has(g)).length / wanted.size })) : []
  }).filter((hit) => hit.score > 0.15).sort((a, b) => b.score - a.score).slice(0, 12)
}

export const passage = ({ record, version, unit, score }) => ({
  record: record.record, version: version.number, anchor: unit.anchor, title: version.title, label: record.label, valid_from: version.valid_from, valid_to: version.valid_to,
  score, context: version.title, text: unit.text, snippet: unit.text, matches: [],
})

const notice = '이 답은 인공지능이 기관의 기록을 바탕으로 만들었습니다. 중요한 결정에는 출처를 확인하십시오.'
export function answerFor(me, question, asOf, conversation, model) {
  const get = (id) => findRecord(me, id)
  const hits = search(me, question, asOf)
  const base = { answerable: true, confidence: 0.86, kind: 'any', written: true, model, citations: [], conflicts: [], notes: [], searched: [...new Map(hits.map((h) => [h.record.record, { record: h.record.record, title: h.record.title }])).values()], ms: { search: 4, total: 1840 }, ai_notice: notice }
  if (/고장 내|break/.test(question)) return { ...base, answer: '답을 쓰다가 ', breaks: true }
  if (/torque wrench/i.test(question)) {
    // In the asker's language, which is not the record's.
    const record = get('WS-118')
    const answer = 'Torque wrenches are calibrated every 6 months [1].'
    return { ...base, answer, sentences: [{ text: answer, cites: [1], supported: true, by_meaning: true }], citations: [cite(1, record, inForce(record, undefined), '6개월')] }
  }
  if (/토크|torque|조여/i.test(question) || (conversation?.length && /교정/.test(question))) {
    const record = get('WS-118')
    const version = inForce(record, asOf)
    if (!version) return abstain(base, hits)
    if (version.number < 3) {
      const value = version.number === 1 ? '190' : '206'
      return { ...base, answer: `그때의 작업표준으로는 M16(강도 8.8) 볼트를 ${value} N·m로 조입니다 [1].`, citations: [cite(1, record, version, 'M16', value)] }
    }
    const ncr = get('부적합/NCR-2025-012.odt')
    const log = get('정비/고장접수_2024.csv')
    const answer = 'M16(강도 8.8) 볼트는 206 N·m로 조이고, 허용차는 ±5 %입니다 [1]. M12 이상은 세 번에 나누어 30 %, 70 %, 100 %로 조입니다 [2].\n\n토크렌치는 6개월마다 교정하며 [3], 이 주기는 NCR-2025-012의 시정조치로 정해졌습니다 [3][4]. 조인 뒤에는 반드시 하루를 두고 다시 잽니다.'
    return {
      ...base, answer, slow: /천천히|slow/.test(question),
      sentences: [{ text: '조인 뒤에는 반드시 하루를 두고 다시 잽니다.', cites: [], supported: false }],
      citations: [cite(1, record, version, 'M16', '206'), cite(2, record, version, '세 번에', '30 %, 70 %, 100 %'), cite(3, record, version, '6개월', '6개월'), cite(4, ncr, ncr.versions[0], '교정')],
      conflicts: [{ newer: 3, newer_says: '6개월', older: 4, older_says: '12개월' }], searched: [...base.searched, { record: log.record, title: log.title }],
    }
  }
  if (/베어링/.test(question)) {
    const record = get('정비/MC-05_정비이력.xlsx')
    const log = get('정비/고장접수_2024.csv')
    return { ...base, written: false, model: undefined, kind: 'date', confidence: 0.7, answer: '2024-08-19', ms: { search: 3, total: 12 }, citations: [cite(1, record, record.versions[0], '앞 베어링', '2024-08-19'), cite(2, log, log.versions[0], '베어링 교환')] }
  }
  if (/드레싱|점검|절입/.test(question)) {
    const record = get('WS-102')
    const version = inForce(record, asOf)
    const found = version && cite(1, record, version, '가공할 때마다', /(\d+개)를 가공/.exec(units(version).find((u) => u.text.includes('가공할 때마다'))?.text ?? '')?.[1])
    return found ? { ...base, written: false, model: undefined, kind: 'number', confidence: 0.81, answer: found.text.slice(...found.span), citations: [found] } : abstain(base, hits)
  }
  if (hits.length > 0 && hits[0].score > 0.55) return { ...base, written: false, model: undefined, confidence: 0.58, answer: hits[0].unit.text, citations: hits.slice(0, 2).map((h, i) => cite(i + 1, h.record, h.version, h.unit.text)) }
  return abstain(base, hits)
}
function abstain(base, hits) {
  return { ...base, answerable: false, written: false, model: undefined, confidence: 0.21, answer: '', closest: hits.slice(0, 3).map((h, i) => cite(i + 1, h.record, h.version, h.unit.text)), ms: { search: 5, total: 9 } }
}
