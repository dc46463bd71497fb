// An answer as a file or on the clipboard. Each carries that a machine made it twice: once for people, once for machines
// (Korea's AI Basic Act, article 31; EU AI Act, article 50).
import { day, lang, moment, t } from './i18n.svelte'
import type { Answer, Citation } from './types'

export interface Exported { question: string; answer: Answer; asOf: string; at: string; version: string }

const escape = (text: string) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!)
const source = (c: Citation) => `[${c.n}] ${c.title} (${c.record}, ${t('version.n', { n: c.version })}) ${c.anchor}`

// What machines read: names are those of schema.org and IPTC's vocabulary of digital sources.
export function mark({ answer, at, version }: Exported): Record<string, string> {
  return {
    generator: `Sillok ${version}`,
    digitalSourceType: answer.written
      ? 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'
      : 'http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia',
    aiGenerated: 'true',
    model: answer.model ?? 'none (quoted)',
    auditId: String(answer.id),
    created: at,
  }
}

export function notice({ answer, at }: Exported): string {
  const how = answer.written ? t('export.written', { model: answer.model ?? '' }) : t('export.quoted')
  return `${answer.ai_notice || t('ai.notice')} ${how} ${moment(at)} · ${t('ask.audit', { id: answer.id })}`
}

function body({ answer }: Exported): string {
  return answer.answerable ? answer.answer : t('ask.abstained')
}

export function asText(item: Exported): string {
  const lines = [item.question, '', body(item), '']
  for (const c of item.answer.citations) lines.push(source(c), `    ${c.text.replace(/\n/g, '\n    ')}`)
  lines.push('', item.asOf ? t('ask.asOfDay', { day: day(item.asOf) }) : '', notice(item))
  return lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n')
}

export function asMarkdown(item: Exported): string {
  const front = Object.entries(mark(item)).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  const quotes = item.answer.citations.map((c) => `${source(c)}\n\n> ${c.text.replace(/\n/g, '\n> ')}\n`)
  return ['---', ...front, '---', '', `# ${item.question}`, '', `> **${notice(item)}**`, '', body(item), '', ...quotes].join('\n')
}

export function asHtml(item: Exported): string {
  const metas = Object.entries(mark(item)).map(([name, value]) => `<meta name="${name}" content="${escape(value)}">`)
  const quotes = item.answer.citations.map((c) => `<li value="${c.n}"><p>${escape(source(c))}</p><blockquote>${escape(c.text).replace(/\n/g, '<br>')}</blockquote></li>`)
  return [
    '<!doctype html>', `<html lang="${lang()}">`, '<head><meta charset="utf-8">', ...metas,
    `<title>${escape(item.question)}</title></head>`, '<body>',
    `<p role="note"><strong>${escape(notice(item))}</strong></p>`,
    `<h1>${escape(item.question)}</h1>`, `<p>${escape(body(item)).replace(/\n/g, '<br>')}</p>`,
    `<ol>${quotes.join('\n')}</ol>`, '</body></html>', '',
  ].join('\n')
}

export function asJson(item: Exported): string {
  return JSON.stringify({ ...mark(item), notice: notice(item), question: item.question, as_of: item.asOf || null, answer: item.answer }, null, 2) + '\n'
}

export function save(name: string, type: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  // The browser has taken the bytes once the click's task is over.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
