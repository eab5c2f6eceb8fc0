import { codeHalfOnly } from '../code-half-only.ts';
import type { ArmKind, ArmResult, Results } from '../results.ts';
import { percent, plural } from './format.ts';
import { type Content, html, type Markup } from './html.ts';
import { KIND_WORDS } from './words.ts';

const KIND_ORDER: readonly ArmKind[] = ['floor', 'ceiling', 'replay', 'program', 'cheat'];
/** Arms whose share of missing data differs by more than this are flagged (one point). */
const MISSING_GAP = 0.01;

/** What a reader must know before the numbers. `realModel`: the command for a real model. */
export function notices(results: Results, realModel: string | undefined): Markup {
  const warnings = [
    incompleteNotice(results.arms),
    gapNotice(results.arms),
    hostPythonNotice(results),
    limitsNotice(results.arms),
    rubricNotice(results.arms),
    inProcessNotice(results.arms),
    trainedNotice(results),
    untracedNotice(results.arms),
  ].filter((warning) => warning !== undefined);
  return html`<section class="notices" aria-label="Notes">${kindNotice(results.arms, realModel)}${
    warnings.length > 0 && html`<div class="note warn"><ul>${warnings}</ul></div>`
  }</section>`;
}

function warning(title: string, text: Content): Markup {
  return html`<li><strong>${title}</strong> ${text}</li>`;
}

function kindNotice(arms: readonly ArmResult[], realModel: string | undefined): Content {
  const groups = KIND_ORDER.flatMap((kind) => {
    const names = arms.filter((arm) => arm.kind === kind).map((arm) => arm.name);
    return names.length === 0 ? [] : [{ kind, names }];
  });
  if (groups.length === 0) return undefined;
  const parts = groups.map(
    ({ kind, names }) =>
      html`<li>${names.map((name, index) => html`${index > 0 && ', '}<b class="name">${name}</b>`)}: ${KIND_WORDS[kind].label}, ${KIND_WORDS[kind].hint}</li>`,
  );
  const all = arms.every((arm) => arm.kind !== 'model');
  return html`<div class="note info"><strong>${all ? 'These are not model results.' : 'Not every arm is a model result.'}</strong>
    <ul>${parts}</ul>${
      realModel !== undefined &&
      html`<p>Run a real model:</p><pre class="command"><code>${realModel}</code></pre>`
    }</div>`;
}

function incompleteNotice(arms: readonly ArmResult[]): Markup | undefined {
  const incomplete = arms.filter((arm) => !arm.complete);
  if (incomplete.length === 0) return undefined;
  const parts = incomplete.map(
    (arm, index) =>
      html`${index > 0 && ', '}<b class="name">${arm.name}</b> ${percent(arm.coverage)}`,
  );
  return warning(
    'Incomplete.',
    html`Coverage is below 98 %: ${parts}. The means leave missing data out; the bounds say what it could change.`,
  );
}

function gapNotice(arms: readonly ArmResult[]): Markup | undefined {
  const rates = arms.filter((arm) => arm.planned > 0).map((arm) => 1 - arm.coverage);
  if (rates.length < 2 || Math.max(...rates) - Math.min(...rates) <= MISSING_GAP) return undefined;
  return warning(
    'Unequal missing data.',
    'The arms differ by more than one point in their share of missing rollouts: compare them with care.',
  );
}

function hostPythonNotice(results: Results): Markup | undefined {
  if (!results.hostPython) return undefined;
  const graders = results.graders.filter((grader) => grader.root === 'host');
  // A grader that came to no verdict has told no version.
  const versions = [...new Set(graders.map(({ python }) => python))].filter((text) => text !== '');
  const old = versions.filter(addsPlainly);
  return warning(
    `Graded with the Python of this host${versions.length > 0 ? `, ${versions.join(', ')},` : ''}`,
    html`and not in the pinned grading image: single scores can differ between hosts.${
      old.length > 0 &&
      html` In Python ${old.join(', ')}, sum() adds floating-point numbers one after the other; since 3.12 it makes up for what rounding loses. A verifier that compares a sum can therefore decide otherwise than with Python 3.12 or later, which the pinned image has.`
    }`,
  );
}

/** True below Python 3.12, whose sum() of floats became compensated (its release notes). */
function addsPlainly(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 3 || (major === 3 && minor < 12);
}

function limitsNotice(arms: readonly ArmResult[]): Markup | undefined {
  const samples = arms.flatMap((arm) => arm.tasks.flatMap((task) => task.attempts));
  const unlimited = samples.filter((sample) =>
    sample.findings.some((finding) => finding.code === 'NoResourceLimits'),
  );
  if (unlimited.length === 0) return undefined;
  return warning(
    'Without all resource limits.',
    `${plural(unlimited.length, 'rollout')} ran where this host could not enforce every limit; results on another host may differ.`,
  );
}

function rubricNotice(arms: readonly ArmResult[]): Markup | undefined {
  const tasks = codeHalfOnly(arms);
  if (tasks === 0) return undefined;
  return warning(
    'Rubrics not judged.',
    `No judge scored the rubric half of ${plural(tasks, 'task')}: these scores are those of the code half alone. Tasks that only a judge can grade are left out of the plan.`,
  );
}

function inProcessNotice(arms: readonly ArmResult[]): Markup | undefined {
  const ids = new Set(
    arms.flatMap((arm) =>
      arm.tasks.filter((task) => task.agentCode === 'in-process').map((task) => task.id),
    ),
  );
  if (ids.size === 0) return undefined;
  const names = [...ids].map((id, index) => html`${index > 0 && ', '}<b class="name">${id}</b>`);
  return warning(
    `${ids.size} ${ids.size === 1 ? 'verifier runs' : 'verifiers run'} the agent's code in-process.`,
    html`Such a verifier can be made to print any result; trust these scores accordingly: ${names}.`,
  );
}

function trainedNotice({ arms, taskSet }: Results): Markup | undefined {
  const parts = arms.flatMap(({ name, training }) => {
    const number = training?.shared.length ?? 0;
    return number === 0 ? [] : [html`<b class="name">${name}</b> ${number}`];
  });
  if (parts.length === 0) return undefined;
  return warning(
    'Trained on tasks of this run.',
    html`Of ${plural(taskSet.tasks, 'task')}: ${joined(parts)}. Scores on such tasks say nothing about others.`,
  );
}

function untracedNotice(arms: readonly ArmResult[]): Markup | undefined {
  const parts = arms
    .filter(({ training }) => (training?.unread.length ?? 0) > 0)
    .map(({ name }) => html`<b class="name">${name}</b>`);
  if (parts.length === 0) return undefined;
  return warning(
    'Training tasks not all known.',
    html`A part of what the models of these arms were made from is not at hand, so tasks of this run may be among what they learned from: ${joined(parts)}.`,
  );
}

const joined = (parts: readonly Markup[]): Markup[] =>
  parts.map((part, index) => html`${index > 0 && ', '}${part}`);
