// Two languages, complete (the type says so). Korean or English by the browser at first; a choice is remembered.
import { en } from './en'
import { ko } from './ko'
import { recall, remember } from './remember'

export type Lang = 'ko' | 'en'
export type Text = keyof typeof ko
const texts: Record<Lang, Record<Text, string>> = { ko, en }

function initial(): Lang {
  const kept = recall('lang')
  if (kept === 'ko' || kept === 'en') return kept
  return typeof navigator !== 'undefined' && !navigator.language.startsWith('ko') ? 'en' : 'ko'
}

const state = $state({ lang: initial() })

export const lang = (): Lang => state.lang
export function setLang(value: Lang): void {
  state.lang = value
  remember('lang', value)
}

// The text for a key, with {name} filled in.
export function t(key: Text, values: Record<string, string | number> = {}): string {
  return texts[state.lang][key].replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
}

// For words of the server that may or may not be known here (kinds, roles): the known text, or the word itself.
export function tr(prefix: string, word: string): string {
  const key = `${prefix}.${word}`
  return Object.hasOwn(ko, key) ? t(key as Text) : word
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(state.lang, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)
}
export function percent(value: number, digits = 0): string {
  return new Intl.NumberFormat(state.lang, { style: 'percent', maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)
}

// "2024-07-01" or a time -> the day as people write it. "" for what is not known.
export function day(value: string | null | undefined): string {
  if (!value) return ''
  const date = new Date(value.length === 10 ? `${value}T00:00:00` : value)
  if (Number.isNaN(date.getTime())) return value
  return new Intl.DateTimeFormat(state.lang, { year: 'numeric', month: state.lang === 'ko' ? 'numeric' : 'short', day: 'numeric' }).format(date)
}
export function moment(value: string | null | undefined): string {
  if (!value) return ''
  const date = new Date(value)
  if (Number.isNaN(date.getTime())) return value
  return new Intl.DateTimeFormat(state.lang, {
    year: 'numeric', month: state.lang === 'ko' ? 'numeric' : 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  }).format(date)
}
// In force: "2022. 10. 4. – 2025. 6. 1.", "2025. 6. 1. 부터".
export function validity(from: string | null | undefined, to: string | null | undefined): string {
  if (from && to) return `${day(from)} – ${day(to)}`
  if (from) return t('valid.from', { day: day(from) })
  if (to) return t('valid.to', { day: day(to) })
  return ''
}
export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86400)
  const hours = Math.floor((seconds % 86400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return t('duration.days', { days, hours })
  if (hours > 0) return t('duration.hours', { hours, minutes })
  if (minutes === 0) return t('duration.seconds', { seconds: Math.floor(seconds) })
  return t('duration.minutes', { minutes })
}
