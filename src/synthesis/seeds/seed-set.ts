/** Somebody who might ask for a task. */
export interface Persona {
  readonly id: string;
  readonly text: string;
}

/** A folder in the Agent Skills format, as far as the generator reads it. */
export interface Skill {
  /** The `name` of its front matter. */
  readonly id: string;
  readonly description: string;
  /** SKILL.md below its front matter. */
  readonly body: string;
}

/** A kind of work, or a kind of step in it. */
export interface Label {
  readonly id: string;
  readonly name: string;
  readonly group: string;
}

/** Everything that records are sampled from; a list may be empty where no route needs it. */
export interface SeedSet {
  readonly personas: readonly Persona[];
  readonly skills: readonly Skill[];
  readonly categories: readonly Label[];
  readonly operations: readonly Label[];
}
