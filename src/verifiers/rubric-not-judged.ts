import type { Finding, Score } from '../rollouts/outcome.ts';
import type { Task } from '../tasks/task.ts';

/**
 * What a reader must know of a task with a code half and a rubric half while no judge ran: its
 * score is that of the code half alone. Empty where a judge ran, or where there is no code score.
 */
export function rubricNotJudged(
  task: Pick<Task, 'rubric' | 'weights'>,
  score: Score,
): readonly Finding[] {
  if (task.rubric === undefined || score.rubric !== null || score.final === null) return [];
  const { code, rubric } = task.weights;
  const share = (Number(rubric) / (Number(code) + Number(rubric))) * 100;
  const message = `no judge scored the rubric half of this task (${Number(share.toFixed(1))}% of its weight): the final score is the code half alone`;
  return [{ code: 'RubricNotJudged', message }];
}
