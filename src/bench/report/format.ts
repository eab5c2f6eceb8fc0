import type { Results } from '../results.ts';

/** A share as percent with one decimal; a dash where there is none. */
export function percent(value: number | null, digits = 1): string {
  return value === null ? '–' : `${(value * 100).toFixed(digits)} %`;
}

/** A share for a tight table: 0 to 100 without a unit, a dash where there is none. */
export function points(value: number | null): string {
  if (value === null) return '–';
  const scaled = value * 100;
  const whole = Math.round(scaled);
  // 99.6 must not read as solved, nor 0.3 as nothing
  if ((whole === 100 && value < 1) || (whole === 0 && value > 0)) return scaled.toFixed(1);
  return String(whole);
}

/** Groups of three digits; the platform's own way loads a locale table first, 12 ms of each report. */
const grouped = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');

/** 1234 -> "1,234"; 123456 -> "123 k"; 2500000 -> "2.5 M". */
export function count(value: number): string {
  if (value < 10_000) return grouped(value);
  if (value < 1_000_000) return `${(value / 1_000).toFixed(value < 100_000 ? 1 : 0)} k`;
  return `${(value / 1_000_000).toFixed(1)} M`;
}

/** Seconds as people say them: "0.4 s", "42 s", "3 min 05 s", "2 h 10 min". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export const shortDigest = (digest: string): string => digest.slice(0, 12);

/** "5 tasks", "1 task". */
export function plural(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Most samples that one task has in one arm. */
export function samplesPerTask(results: Results): number {
  const sizes = results.arms.flatMap((arm) => arm.tasks.map((task) => task.attempts.length));
  return Math.max(0, ...new Set(sizes));
}
